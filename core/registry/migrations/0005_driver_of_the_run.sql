-- The driver that the run was begun with, and its options as JSON; empty where an older program began it.
ALTER TABLE instances ADD COLUMN driver TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN driver_options TEXT NOT NULL DEFAULT '';
