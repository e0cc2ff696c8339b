-- The row of a unit's first request has that request's tags; units from before have none.

ALTER TABLE unit_sums ADD COLUMN tags MAP(VARCHAR, VARCHAR);
UPDATE unit_sums SET tags = MAP {} WHERE is_first OR kept_away;
