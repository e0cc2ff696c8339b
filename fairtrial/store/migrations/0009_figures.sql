-- The figures of each exposure's request and the arm of each feedback beside them, so that no page joins millions of ids.
-- Rows from before have none of it yet: the first pass of the ingester fills them in (figures.py, attribution.py).

ALTER TABLE exposures ADD COLUMN request_time TIMESTAMP;

ALTER TABLE exposures ADD COLUMN outcome VARCHAR;

ALTER TABLE exposures ADD COLUMN arm_outcome VARCHAR;

ALTER TABLE exposures ADD COLUMN user_outcome VARCHAR;

ALTER TABLE exposures ADD COLUMN latency_ms DOUBLE;

ALTER TABLE exposures ADD COLUMN ttft_ms DOUBLE;

ALTER TABLE exposures ADD COLUMN tokens_in BIGINT;

ALTER TABLE exposures ADD COLUMN tokens_out BIGINT;

ALTER TABLE exposures ADD COLUMN cost_usd DECIMAL(18, 9);

ALTER TABLE feedback ADD COLUMN subject_time TIMESTAMP;

ALTER TABLE feedback ADD COLUMN subject_experiment VARCHAR;

ALTER TABLE feedback ADD COLUMN subject_arm VARCHAR;

-- Each way in which a unit was placed, with its first time; computed from the exposures before a row number (placements.py).

CREATE TABLE placements (
    experiment VARCHAR, analysis_hash VARCHAR, assigned VARCHAR, unit VARCHAR, arm_bucket DOUBLE, analysed BOOLEAN,
    measured BOOLEAN, at_time TIMESTAMP
);

CREATE TABLE watermarks (name VARCHAR, position BIGINT);
