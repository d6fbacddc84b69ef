-- The collector, version 2: hubs tell which sensors they have; writers read record by record.
BEGIN;

CREATE TABLE sensor (
    record   BLOB    NOT NULL REFERENCES record (id),
    hub      BLOB    NOT NULL,
    epoch    INTEGER NOT NULL,
    sensor   TEXT    NOT NULL,              -- its name in the hub's configuration
    driver   TEXT    NOT NULL,
    title    TEXT    NOT NULL,              -- what the driver is for
    address  TEXT    NOT NULL,              -- of its own, Bluetooth's; else empty
    software TEXT    NOT NULL               -- version of the hub's software
) STRICT;

CREATE INDEX sensor_by_name ON sensor (hub, sensor, epoch);

-- Version 1 kept the rows of a table it did not know as they came.
INSERT INTO sensor
    SELECT record, hub, epoch, row ->> 'sensor', row ->> 'driver', row ->> 'title',
           row ->> 'address', row ->> 'software'
    FROM other WHERE name = 'sensor';
DELETE FROM other WHERE name = 'sensor';

CREATE INDEX observation_by_record ON observation (record);
CREATE INDEX event_by_record ON event (record);
CREATE INDEX alarm_by_record ON alarm (record);

PRAGMA user_version = 2;

COMMIT;
