-- What people said of the pictures of a test: of one picture from 1 to 5, or of two which is better.
CREATE TABLE judgements (
    test          TEXT NOT NULL,   -- name of the test
    version       TEXT NOT NULL,   -- of the test
    rater         TEXT NOT NULL,
    seed          TEXT NOT NULL,   -- of the sample
    variation     TEXT NOT NULL,
    other         TEXT NOT NULL,   -- the variation that it was compared with, later in the alphabet; empty for a rating
    value         TEXT NOT NULL,   -- 1 to 5, or first, second, tie
    picture       TEXT NOT NULL,   -- hash of the content
    other_picture TEXT NOT NULL,
    time_ns       INTEGER NOT NULL,
    PRIMARY KEY (test, version, rater, seed, variation, other)
) STRICT, WITHOUT ROWID;
