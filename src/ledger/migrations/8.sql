-- The number of the result that an event brought stands beside it, so that a journal is read without taking its
-- texts apart.
ALTER TABLE events ADD COLUMN result INTEGER;
UPDATE events SET result = json_extract(event, '$.result') WHERE json_extract(event, '$.event') = 'finished';
