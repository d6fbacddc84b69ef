-- The collector, version 1: every sealed record as it came, and what the opened ones say.
BEGIN;

CREATE TABLE record (
    id              BLOB    PRIMARY KEY,
    hub             BLOB    NOT NULL,
    epoch           INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    class           INTEGER NOT NULL,
    subject         BLOB    NOT NULL,
    rows            INTEGER NOT NULL,       -- table rows inside, as the header says
    previous        BLOB    NOT NULL,
    received_utc_ns INTEGER NOT NULL,
    octets          BLOB    NOT NULL,
    state           TEXT    NOT NULL DEFAULT 'sealed'
                    CHECK (state IN ('sealed', 'opened', 'unopened')),
    failure         TEXT    NOT NULL DEFAULT ''  -- why it does not open
) STRICT;

CREATE INDEX record_in_order ON record (hub, seq);
CREATE INDEX record_to_open ON record (received_utc_ns) WHERE state = 'sealed';

-- Times ending in _ns are boot time of (hub, epoch); clock tells what wall-clock time that was.
CREATE TABLE clock (
    record         BLOB    NOT NULL REFERENCES record (id),
    hub            BLOB    NOT NULL,
    epoch          INTEGER NOT NULL,
    boottime_ns    INTEGER NOT NULL,
    utc_ns         INTEGER NOT NULL,
    uncertainty_ns INTEGER NOT NULL,
    source         TEXT    NOT NULL
) STRICT;

CREATE INDEX clock_by_epoch ON clock (hub, epoch, uncertainty_ns, boottime_ns);

CREATE TABLE observation (
    record     BLOB    NOT NULL REFERENCES record (id),
    hub        BLOB    NOT NULL,
    epoch      INTEGER NOT NULL,
    code       TEXT    NOT NULL,            -- IEEE 11073 reference id
    unit       TEXT    NOT NULL,            -- UCUM
    sensor     TEXT    NOT NULL,
    first_ns   INTEGER NOT NULL,
    last_ns    INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    min        REAL,
    mean       REAL,
    max        REAL,
    last       REAL,
    quality    REAL,
    state      TEXT    NOT NULL,
    backfilled INTEGER NOT NULL,
    device_ns  INTEGER                      -- the sensor's own clock, where it has one
) STRICT;

-- A value that a hub fetched twice from a sensor's memory, after a restart say, is kept once. Meters
-- count whole minutes, and clocks begin anew: another value of the same time is another value.
CREATE UNIQUE INDEX observation_once
    ON observation (hub, sensor, code, device_ns, ifnull(last, state))
    WHERE device_ns IS NOT NULL;

CREATE INDEX observation_latest ON observation (hub, code, sensor, epoch, last_ns);

CREATE TABLE event (
    record BLOB    NOT NULL REFERENCES record (id),
    hub    BLOB    NOT NULL,
    epoch  INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    sensor TEXT    NOT NULL,
    at_ns  INTEGER NOT NULL,
    detail TEXT    NOT NULL                 -- JSON
) STRICT;

CREATE TABLE alarm (
    record    BLOB    NOT NULL REFERENCES record (id),
    hub       BLOB    NOT NULL,
    epoch     INTEGER NOT NULL,
    rule      TEXT    NOT NULL,
    episode   TEXT    NOT NULL,
    title     TEXT    NOT NULL,
    priority  TEXT    NOT NULL,
    technical INTEGER NOT NULL,
    phase     TEXT    NOT NULL,
    at_ns     INTEGER NOT NULL,
    evidence  TEXT    NOT NULL              -- JSON
) STRICT;

CREATE INDEX alarm_in_order ON alarm (hub, epoch, at_ns);

CREATE TABLE forecast (
    record      BLOB    NOT NULL REFERENCES record (id),
    hub         BLOB    NOT NULL,
    epoch       INTEGER NOT NULL,
    code        TEXT    NOT NULL,
    at_ns       INTEGER NOT NULL,
    horizon_min REAL    NOT NULL,
    mean        REAL    NOT NULL,
    low90       REAL    NOT NULL,
    high90      REAL    NOT NULL
) STRICT;

CREATE TABLE gap (
    record    BLOB    NOT NULL REFERENCES record (id),
    hub       BLOB    NOT NULL,
    epoch     INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    rows      INTEGER
) STRICT;

CREATE INDEX gap_by_hub ON gap (hub);

-- Rows of tables this version does not know: kept as they came.
CREATE TABLE other (
    record    BLOB    NOT NULL REFERENCES record (id),
    hub       BLOB    NOT NULL,
    epoch     INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    row       TEXT    NOT NULL              -- JSON
) STRICT;

PRAGMA user_version = 1;

COMMIT;
