-- Requests that an open breaker kept from their arm have rows of their own in unit_sums; earlier ones counted as failed.

ALTER TABLE unit_sums ADD COLUMN kept_away BOOLEAN DEFAULT false;
