-- A unit's first request has a row of its own in unit_sums; in units from before, no row is marked.

ALTER TABLE unit_sums ADD COLUMN is_first BOOLEAN DEFAULT false;
