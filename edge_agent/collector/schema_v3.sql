-- The collector, version 3: what to do about an alarm and who has seen it; whose an observation is.
BEGIN;

ALTER TABLE alarm ADD COLUMN advice TEXT NOT NULL DEFAULT '';
ALTER TABLE alarm ADD COLUMN by TEXT NOT NULL DEFAULT '';   -- who acknowledged it

ALTER TABLE observation ADD COLUMN subject BLOB NOT NULL DEFAULT x'';
UPDATE observation SET subject = (SELECT subject FROM record WHERE record.id = observation.record);

-- One sensor may watch several beds: the same value is then kept once for each of them.
DROP INDEX observation_once;
CREATE UNIQUE INDEX observation_once
    ON observation (hub, subject, sensor, code, device_ns, ifnull(last, state))
    WHERE device_ns IS NOT NULL;

PRAGMA user_version = 3;

COMMIT;
