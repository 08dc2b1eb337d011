-- How long items take, condensed: by what takes their time, where they ran, and what the server had
-- in store for them.
CREATE TABLE durations (
    shape    TEXT NOT NULL,        -- what takes the time, as a hash
    executor TEXT NOT NULL,        -- native, or the name of a server
    warmth   INTEGER NOT NULL,     -- 0 models had to be loaded, 1 they were there, 2 the prefix as well
    family   TEXT NOT NULL,        -- the same work without its sizes, as a hash
    count    REAL NOT NULL,        -- how many there were, at most as many as count
    mean     REAL NOT NULL,        -- of the logarithms of the seconds
    spread   REAL NOT NULL,        -- mean deviation of the logarithms
    PRIMARY KEY (shape, executor, warmth)
) STRICT, WITHOUT ROWID;
CREATE INDEX durations_by_family ON durations (family);

-- Servers that a person took out of use.
CREATE TABLE drained (
    server   TEXT PRIMARY KEY,
    since_ns INTEGER NOT NULL,
    reason   TEXT
) STRICT, WITHOUT ROWID;
