CREATE TABLE runs (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    document    TEXT NOT NULL,
    version     TEXT NOT NULL,
    hash        TEXT NOT NULL,     -- of the document with the values that --set gave
    path        TEXT NOT NULL,     -- of the document, relative to the workspace
    settings    TEXT NOT NULL,     -- JSON: what the command line gave
    folder      TEXT NOT NULL,     -- of its outputs, relative to the workspace
    items       INTEGER NOT NULL,
    state       TEXT NOT NULL,     -- running, stopped, held, complete, cancelled
    started_ns  INTEGER NOT NULL,
    finished_ns INTEGER
) STRICT;
CREATE INDEX runs_by_document ON runs (document, hash);

-- The journal: replaying it gives the state of a run.
CREATE TABLE events (
    run     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    event   TEXT NOT NULL,         -- JSON; a result stands in it as the number of its row
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE results (
    number      INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    metrics     TEXT NOT NULL      -- JSON
) STRICT;
CREATE INDEX results_by_fingerprint ON results (fingerprint);
CREATE INDEX results_by_run ON results (run);

CREATE TABLE outputs (
    result   INTEGER NOT NULL REFERENCES results ON DELETE CASCADE,
    position INTEGER NOT NULL,     -- among the files of the result
    output   TEXT NOT NULL,
    place    INTEGER NOT NULL,     -- among the files of the output
    path     TEXT NOT NULL,        -- relative to the workspace
    hash     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode    INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    PRIMARY KEY (result, position)
) STRICT, WITHOUT ROWID;

-- What follows from the journal, for readers. An item has a row once something happened to it.
CREATE TABLE items (
    run         INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    item        INTEGER NOT NULL,
    address     TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT,
    visits      INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    prompt_id   TEXT,
    executor    TEXT,
    fingerprint TEXT,
    parts       TEXT,              -- JSON: the parts of the fingerprint
    started_ns  INTEGER,
    finished_ns INTEGER,
    result      INTEGER REFERENCES results ON DELETE SET NULL,
    PRIMARY KEY (run, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX items_by_result ON items (result);

CREATE TABLE decisions (
    run     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    item    INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    decision TEXT NOT NULL,        -- JSON: the try, the rule, its inputs, the target
    PRIMARY KEY (run, item, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE metrics (
    hash   TEXT NOT NULL,          -- of the file that was measured
    scorer TEXT NOT NULL,          -- fingerprint of what measured it
    name   TEXT NOT NULL,
    value  REAL NOT NULL,
    PRIMARY KEY (hash, scorer, name)
) STRICT, WITHOUT ROWID;
