-- The most memory that an ended run ever held, in bytes; 0 or NULL where its driver did not measure it.
ALTER TABLE instances ADD COLUMN exit_memory_peak INTEGER;
ALTER TABLE runs ADD COLUMN exit_memory_peak INTEGER;
ALTER TABLE history ADD COLUMN exit_memory_peak INTEGER;
