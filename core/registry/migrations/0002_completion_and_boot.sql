-- Whether the last run ended by itself and well, and in which life of the machine the row was written.
ALTER TABLE instances ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN boot TEXT NOT NULL DEFAULT '';
