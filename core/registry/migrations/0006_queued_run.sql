-- Whether the schedule fired while the run lived, with `overlap: queue`: then another run follows it.
ALTER TABLE instances ADD COLUMN queued_run INTEGER NOT NULL DEFAULT 0;
