-- One row holds a request with its exposure, so pages aggregate one table; attempts have their outcome and their tokens.
-- Exposures of earlier versions join their requests in the first pass of the ingester (earlier_exposures.py).

ALTER TABLE requests ADD COLUMN enrolled BOOLEAN;

ALTER TABLE requests ADD COLUMN exposed_unit VARCHAR;

ALTER TABLE requests ADD COLUMN unit_kind VARCHAR;

ALTER TABLE requests ADD COLUMN enrol_bucket DOUBLE;

ALTER TABLE requests ADD COLUMN arm_bucket DOUBLE;

ALTER TABLE requests ADD COLUMN propensity DOUBLE;

ALTER TABLE requests ADD COLUMN stage DOUBLE;

ALTER TABLE requests ADD COLUMN analysis_hash VARCHAR;

ALTER TABLE requests ADD COLUMN experiment_state VARCHAR;

ALTER TABLE requests ADD COLUMN breaker VARCHAR;

ALTER TABLE requests ADD COLUMN latency_censored BOOLEAN;

ALTER TABLE requests ADD COLUMN refused_by_text BOOLEAN;

ALTER TABLE requests ADD COLUMN schema_requested BOOLEAN;

ALTER TABLE requests ADD COLUMN schema_valid BOOLEAN;

ALTER TABLE requests ADD COLUMN prompt_digest VARCHAR;

ALTER TABLE requests ADD COLUMN tokens_cached BIGINT;

ALTER TABLE requests ADD COLUMN tokens_cache_write BIGINT;

ALTER TABLE requests ADD COLUMN tokens_reasoning BIGINT;

ALTER TABLE requests ADD COLUMN tokens_audio_in BIGINT;

ALTER TABLE requests ADD COLUMN tokens_audio_out BIGINT;

ALTER TABLE requests ADD COLUMN provider_request_id VARCHAR;

ALTER TABLE requests ADD COLUMN trace_id VARCHAR;

ALTER TABLE requests ADD COLUMN span_id VARCHAR;

ALTER TABLE attempts DROP COLUMN attempt_id;

ALTER TABLE attempts ADD COLUMN outcome VARCHAR;

ALTER TABLE attempts ADD COLUMN fault VARCHAR;

ALTER TABLE attempts ADD COLUMN error_code VARCHAR;

ALTER TABLE attempts ADD COLUMN tokens_cached BIGINT;

ALTER TABLE attempts ADD COLUMN tokens_cache_write BIGINT;

ALTER TABLE attempts ADD COLUMN tokens_reasoning BIGINT;

ALTER TABLE attempts ADD COLUMN tokens_audio_in BIGINT;

ALTER TABLE attempts ADD COLUMN tokens_audio_out BIGINT;

ALTER TABLE attempts ADD COLUMN provider_request_id VARCHAR;

-- The figures of an exposure's request are in the request's row.

ALTER TABLE exposures DROP COLUMN request_time;

ALTER TABLE exposures DROP COLUMN outcome;

ALTER TABLE exposures DROP COLUMN arm_outcome;

ALTER TABLE exposures DROP COLUMN user_outcome;

ALTER TABLE exposures DROP COLUMN latency_ms;

ALTER TABLE exposures DROP COLUMN ttft_ms;

ALTER TABLE exposures DROP COLUMN tokens_in;

ALTER TABLE exposures DROP COLUMN tokens_out;

ALTER TABLE exposures DROP COLUMN cost_usd;

-- Placements are computed from requests now, so the watermark counts rows of another table.

DROP TABLE placements;

CREATE TABLE placements (
    experiment VARCHAR, analysis_hash VARCHAR, assigned VARCHAR, unit VARCHAR, arm_bucket DOUBLE, analysed BOOLEAN,
    at_time TIMESTAMP
);

DELETE FROM watermarks WHERE name = 'placements';
