-- What people told the process that works on a run.
CREATE TABLE controls (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    run     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    time_ns INTEGER NOT NULL,
    control TEXT NOT NULL          -- JSON
) STRICT;
CREATE INDEX controls_by_run ON controls (run);
