-- A line that is put aside may hold a body: its text stays in its segment, which retention ends, and not in the store.

ALTER TABLE rejects DROP COLUMN line;

ALTER TABLE rejects ADD COLUMN bytes BIGINT;
