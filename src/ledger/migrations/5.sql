-- When the files of a run were removed to make room; none while they are there.
ALTER TABLE runs ADD COLUMN collected_ns INTEGER;
