-- Whether the declaration was replaced since the run began, in what only another run applies.
ALTER TABLE instances ADD COLUMN spec_changed INTEGER NOT NULL DEFAULT 0;
