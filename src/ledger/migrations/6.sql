-- What was fixed of an A/B test before its first sample.
CREATE TABLE tests (
    run   INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    name  TEXT NOT NULL,
    terms TEXT NOT NULL            -- JSON: variations, seeds, the rules of decision and their version
) STRICT;
CREATE INDEX tests_by_name ON tests (name);

-- The blocks of a test as its race took them: they alone decide it.
CREATE TABLE blocks (
    run     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    block   INTEGER NOT NULL,      -- from 1
    time_ns INTEGER NOT NULL,
    scores  TEXT NOT NULL,         -- JSON: for each variation its score, or null
    look    TEXT,                  -- JSON: what was seen after it; none where nobody looked
    PRIMARY KEY (run, block)
) STRICT, WITHOUT ROWID;

-- What was decided when a process left the test.
CREATE TABLE verdicts (
    run     INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    time_ns INTEGER NOT NULL,
    method  TEXT NOT NULL,         -- the version of the rules of decision
    verdict TEXT NOT NULL          -- JSON
) STRICT;

-- What people and clients say of outputs, whatever made them.
CREATE TABLE marks (
    number      INTEGER PRIMARY KEY,
    time_ns     INTEGER NOT NULL,
    prompt_id   TEXT,
    fingerprint TEXT NOT NULL,
    metrics     TEXT NOT NULL,     -- JSON: values from 0 to 1 by name
    rating      INTEGER,           -- 1 to 5
    tags        TEXT NOT NULL      -- JSON: texts
) STRICT;
CREATE INDEX marks_by_fingerprint ON marks (fingerprint);
CREATE INDEX items_by_prompt ON items (prompt_id);
