-- Research export, version 1. Numbers are in the unit beside them (UCUM). Times: utc_ns is
-- nanoseconds since 1970, NULL where the hub never sent a clock in that boot; off by at most
-- uncertainty_ns. Order within a hub is (epoch, boottime_ns), whatever clocks said.

CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE quantity (
    code  TEXT PRIMARY KEY,                 -- IEEE 11073-10101 reference id
    mdc   INTEGER NOT NULL,                 -- its number
    loinc TEXT,
    title TEXT NOT NULL,
    unit  TEXT NOT NULL,                    -- UCUM
    low   REAL NOT NULL,                    -- plausible range
    high  REAL NOT NULL
) STRICT;

CREATE TABLE sensor (
    hub TEXT NOT NULL, epoch INTEGER NOT NULL, sensor TEXT NOT NULL, driver TEXT NOT NULL,
    title TEXT NOT NULL, software TEXT NOT NULL
) STRICT;

CREATE TABLE observation (
    subject TEXT NOT NULL, hub TEXT NOT NULL, sensor TEXT NOT NULL,
    code TEXT NOT NULL REFERENCES quantity (code), unit TEXT NOT NULL,
    epoch INTEGER NOT NULL, first_boottime_ns INTEGER NOT NULL, last_boottime_ns INTEGER NOT NULL,
    first_utc_ns INTEGER, last_utc_ns INTEGER, uncertainty_ns INTEGER,
    n INTEGER NOT NULL,                     -- values in the interval
    min REAL, mean REAL, max REAL, last REAL,
    quality REAL,                           -- of the worst value, 0 to 1
    state TEXT NOT NULL,                    -- how they were taken
    backfilled INTEGER NOT NULL,            -- 1: fetched later, from the sensor's memory
    device_ns INTEGER                       -- the sensor's own clock, where it has one
) STRICT;

CREATE TABLE ecg_strip (
    subject TEXT NOT NULL, hub TEXT NOT NULL, sensor TEXT NOT NULL, finding TEXT NOT NULL,
    epoch INTEGER NOT NULL, start_boottime_ns INTEGER NOT NULL,
    start_utc_ns INTEGER, uncertainty_ns INTEGER,
    rate_hz REAL NOT NULL, unit TEXT NOT NULL,
    samples TEXT NOT NULL                   -- JSON list of whole numbers
) STRICT;

CREATE TABLE event (
    subject TEXT NOT NULL, hub TEXT NOT NULL, sensor TEXT NOT NULL, kind TEXT NOT NULL,
    epoch INTEGER NOT NULL, boottime_ns INTEGER NOT NULL, utc_ns INTEGER, uncertainty_ns INTEGER,
    detail TEXT NOT NULL                    -- JSON, without strips
) STRICT;

CREATE TABLE alarm (
    subject TEXT NOT NULL, hub TEXT NOT NULL, rule TEXT NOT NULL, episode TEXT NOT NULL,
    title TEXT NOT NULL, priority TEXT NOT NULL, technical INTEGER NOT NULL, phase TEXT NOT NULL,
    epoch INTEGER NOT NULL, boottime_ns INTEGER NOT NULL, utc_ns INTEGER, uncertainty_ns INTEGER,
    evidence TEXT NOT NULL                  -- JSON
) STRICT;

CREATE TABLE forecast (
    subject TEXT NOT NULL, hub TEXT NOT NULL, code TEXT NOT NULL, unit TEXT,
    epoch INTEGER NOT NULL, boottime_ns INTEGER NOT NULL, utc_ns INTEGER, uncertainty_ns INTEGER,
    horizon_min REAL NOT NULL, mean REAL NOT NULL, low90 REAL NOT NULL, high90 REAL NOT NULL
) STRICT;

CREATE TABLE gap (
    hub TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
