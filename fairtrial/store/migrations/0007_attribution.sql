-- Which request a feedback is about, and how each request was served by its arm and for its caller.
-- Rows from before have none of it yet: the first pass of the ingester computes it (attribution.py, outcomes.py).

ALTER TABLE requests ADD COLUMN arm_outcome VARCHAR;

ALTER TABLE requests ADD COLUMN user_outcome VARCHAR;

ALTER TABLE feedback ADD COLUMN response_id VARCHAR;

ALTER TABLE feedback ADD COLUMN routes VARCHAR[];

ALTER TABLE feedback ADD COLUMN declared BOOLEAN;

ALTER TABLE feedback ADD COLUMN subject VARCHAR;

ALTER TABLE feedback ADD COLUMN attribution VARCHAR;

ALTER TABLE feedback ADD COLUMN experiments VARCHAR[];
