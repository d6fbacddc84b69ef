-- Version 2: damaged outboxes that were put aside, and what has been got out of them.
BEGIN;

CREATE TABLE salvage (
    source    TEXT    NOT NULL,             -- name of the damaged file beside this one; '' for none
    ring_read INTEGER NOT NULL DEFAULT 0,   -- whether the alarms of the ring have been taken over
    salvaged  INTEGER NOT NULL DEFAULT 0,   -- records taken over
    done      INTEGER NOT NULL DEFAULT 0
) STRICT;

PRAGMA user_version = 2;

COMMIT;
