-- What a daemon waits for: the next try of a back-off, the end of the patience with a stop.
ALTER TABLE instances ADD COLUMN next_restart_at INTEGER;
ALTER TABLE instances ADD COLUMN kill_at INTEGER;
