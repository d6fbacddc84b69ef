-- An outbox as version 1 made it: the dump of a file, without its records.
BEGIN TRANSACTION;
CREATE TABLE chain (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    hub_id          BLOB    NOT NULL,
    boot_id         TEXT    NOT NULL,
    epoch           INTEGER NOT NULL,
    next_seq        INTEGER NOT NULL,
    previous        BLOB    NOT NULL,       -- id of the last record sealed
    sealed_total    INTEGER NOT NULL DEFAULT 0,
    delivered_total INTEGER NOT NULL DEFAULT 0,
    evicted_total   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE gap (
    first_seq  INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL,
    reason     TEXT    NOT NULL CHECK (reason IN ('evicted', 'damaged', 'superseded', 'unused')),
    rows       INTEGER,                     -- table rows lost; NULL where nobody knows
    carried_by INTEGER REFERENCES record (seq) ON DELETE CASCADE
) STRICT;
CREATE TABLE record (
    seq          INTEGER PRIMARY KEY,       -- never used twice, see chain.next_seq
    id           BLOB    NOT NULL UNIQUE,   -- SHA-256 of header and body
    class        INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    sealed_at_ns INTEGER NOT NULL,          -- boot time in this epoch
    rows         INTEGER NOT NULL,          -- table rows inside
    size         INTEGER NOT NULL,
    octets       BLOB    NOT NULL           -- header, body, signature
) STRICT;
CREATE INDEX record_by_class ON record (class, seq, size);
CREATE INDEX gap_by_carrier ON gap (carried_by);
COMMIT;
PRAGMA user_version = 1;
