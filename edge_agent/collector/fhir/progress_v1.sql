-- How far the FHIR writer has come with each server, and what it was refused.
BEGIN;

-- Every record up to this place (order of arrival in collector.db) is written, put off or put aside.
CREATE TABLE reached (
    server TEXT    PRIMARY KEY,
    number INTEGER NOT NULL,
    record BLOB    NOT NULL                 -- by it a restored collector.db is told
) STRICT;

CREATE TABLE put_off (
    server TEXT    NOT NULL,
    number INTEGER NOT NULL,
    record BLOB    NOT NULL,
    PRIMARY KEY (server, record)
) STRICT;

CREATE TABLE put_aside (
    server     TEXT    NOT NULL,
    identifier TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    record     BLOB    NOT NULL,
    reason     TEXT    NOT NULL,
    utc_ns     INTEGER NOT NULL,
    resource   TEXT    NOT NULL,            -- JSON
    PRIMARY KEY (server, identifier)
) STRICT;

PRAGMA user_version = 1;

COMMIT;
