-- The first layout of the registry. A migration never changes once released; the next change is a new
-- file with the next number. Times are milliseconds since 1970-01-01T00:00:00Z, in UTC.

-- Facts that must outlive the rows they came from: 'last_run', the highest run id ever recorded.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
INSERT INTO meta VALUES ('last_run', 0);

-- What the operator declared, in the order in which it was added.
CREATE TABLE specs (
    position  INTEGER PRIMARY KEY,
    uuid      TEXT NOT NULL UNIQUE,
    name      TEXT NOT NULL UNIQUE,
    spec_json TEXT NOT NULL,
    added_at  INTEGER NOT NULL
) STRICT;

-- Where each declared daemon stands. The exit columns are NULL before the first exit.
CREATE TABLE instances (
    uuid          TEXT PRIMARY KEY REFERENCES specs (uuid) ON DELETE CASCADE,
    target        TEXT NOT NULL,
    state         TEXT NOT NULL,
    health        TEXT NOT NULL,
    run           INTEGER NOT NULL,
    run_live      INTEGER NOT NULL,
    pid           INTEGER NOT NULL,
    token         TEXT NOT NULL,
    started_at    INTEGER,
    stopped_at    INTEGER,
    exit_kind     TEXT CHECK (exit_kind IN ('code', 'signal', 'lost')),
    exit_value    INTEGER,
    exit_oom      INTEGER,
    restart_count INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    armed_at      INTEGER,
    last_fired_at INTEGER,
    last_error    TEXT NOT NULL
) STRICT;

-- The latest runs of each declared daemon.
CREATE TABLE runs (
    run        INTEGER PRIMARY KEY,
    uuid       TEXT NOT NULL,
    began_at   INTEGER NOT NULL,
    pid        INTEGER NOT NULL,
    ended_at   INTEGER,
    exit_kind  TEXT CHECK (exit_kind IN ('code', 'signal', 'lost')),
    exit_value INTEGER,
    exit_oom   INTEGER
) STRICT;
CREATE INDEX runs_by_daemon ON runs (uuid);

-- What happened. Rows outlive the daemon they tell about.
CREATE TABLE history (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    daemon     TEXT NOT NULL,
    uuid       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    from_word  TEXT NOT NULL,
    to_word    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    run        INTEGER NOT NULL,
    pid        INTEGER NOT NULL,
    exit_kind  TEXT CHECK (exit_kind IN ('code', 'signal', 'lost')),
    exit_value INTEGER,
    exit_oom   INTEGER
) STRICT;
CREATE INDEX history_by_daemon ON history (daemon);
CREATE INDEX history_by_time ON history (at);
