-- What the run was to do, task by task: JSON, so that its drawing, its critical path and its rules can be
-- told when the document has long become another.
ALTER TABLE runs ADD COLUMN outline TEXT;
