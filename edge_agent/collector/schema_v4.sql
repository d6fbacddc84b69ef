-- The collector, version 4: the day keys of each hub, and records that are kept and not opened.
BEGIN;

ALTER TABLE record ADD COLUMN day_key BLOB;      -- who signed; NULL in version 1 of the envelope
ALTER TABLE record ADD COLUMN quarantine TEXT NOT NULL DEFAULT '';  -- why it is not opened

CREATE INDEX record_in_quarantine ON record (received_utc_ns) WHERE quarantine != '';

CREATE TABLE day_key (
    hub         BLOB    NOT NULL,
    public_key  BLOB    NOT NULL,
    epoch       INTEGER NOT NULL,
    first_seq   INTEGER NOT NULL,
    last_seq    INTEGER NOT NULL,
    previous    BLOB    NOT NULL,                -- the key that handed over; zeros for none
    certificate BLOB    NOT NULL,
    PRIMARY KEY (hub, public_key),
    UNIQUE (hub, first_seq)
) STRICT;

PRAGMA user_version = 4;

COMMIT;
