-- The first schema. No primary keys and no indexes: the ledger of offsets keeps duplicates out. Times are UTC.

CREATE TABLE requests (
    request_id VARCHAR, at_time TIMESTAMP, endpoint VARCHAR, route VARCHAR, stream BOOLEAN, status INTEGER,
    outcome VARCHAR, reason VARCHAR, plan_hash VARCHAR, worker VARCHAR, key_id VARCHAR, deployment VARCHAR,
    experiment VARCHAR, variant_assigned VARCHAR, variant_served VARCHAR, unit VARCHAR, error_type VARCHAR,
    error_code VARCHAR, latency_ms DOUBLE, ttft_ms DOUBLE, tokens_in BIGINT, tokens_out BIGINT, usage_source VARCHAR,
    cost_usd DECIMAL(18, 9), model_served VARCHAR, system_fingerprint VARCHAR, response_id VARCHAR,
    finish_reason VARCHAR, refused BOOLEAN, retry_ordinal INTEGER, tags MAP(VARCHAR, VARCHAR), capture VARCHAR
);

CREATE TABLE payloads (request_id VARCHAR, at_time TIMESTAMP, request_body VARCHAR, response_body VARCHAR);

CREATE TABLE attempts (
    attempt_id VARCHAR, request_id VARCHAR, at_time TIMESTAMP, ordinal INTEGER, purpose VARCHAR, deployment VARCHAR,
    plan_hash VARCHAR, status INTEGER, error_type VARCHAR, error_message VARCHAR, latency_ms DOUBLE, ttft_ms DOUBLE,
    tokens_in BIGINT, tokens_out BIGINT, usage_source VARCHAR, cost_usd DECIMAL(18, 9)
);

CREATE TABLE exposures (
    request_id VARCHAR, at_time TIMESTAMP, experiment VARCHAR, assigned VARCHAR, served VARCHAR, reason VARCHAR,
    enrolled BOOLEAN, unit VARCHAR, unit_kind VARCHAR, enrol_bucket DOUBLE, arm_bucket DOUBLE, propensity DOUBLE,
    stage DOUBLE, retry_ordinal INTEGER, plan_hash VARCHAR, analysis_hash VARCHAR
);

CREATE TABLE feedback (
    feedback_id VARCHAR, at_time TIMESTAMP, key VARCHAR, request_id VARCHAR, unit VARCHAR, boolean BOOLEAN,
    number DOUBLE, category VARCHAR, comment VARCHAR, correction VARCHAR, idempotency_key VARCHAR, key_id VARCHAR
);

CREATE TABLE runs (
    run_id VARCHAR, at_time TIMESTAMP, ended_time TIMESTAMP, suite VARCHAR, suite_digest VARCHAR, target VARCHAR,
    deployment_digest VARCHAR, fingerprint VARCHAR, seed BIGINT, repeat INTEGER, status VARCHAR,
    counts JSON, metrics JSON, versions JSON, plan_hash VARCHAR
);

CREATE TABLE results (
    run_id VARCHAR, case_id VARCHAR, repeat INTEGER, at_time TIMESTAMP, outcome VARCHAR, output VARCHAR,
    error VARCHAR, latency_ms DOUBLE, ttft_ms DOUBLE, tokens_in BIGINT, tokens_out BIGINT, finish_reason VARCHAR,
    cached BOOLEAN, request_id VARCHAR, tags MAP(VARCHAR, VARCHAR), cluster VARCHAR, expected VARCHAR,
    refusal VARCHAR, fingerprint VARCHAR, cost_usd DOUBLE
);

CREATE TABLE scores (
    run_id VARCHAR, case_id VARCHAR, repeat INTEGER, at_time TIMESTAMP, metric VARCHAR, value DOUBLE, label VARCHAR,
    expected VARCHAR, why VARCHAR, details VARCHAR
);

CREATE TABLE verdicts (
    verdict_id VARCHAR, at_time TIMESTAMP, gate VARCHAR, candidate VARCHAR, baseline VARCHAR, decision VARCHAR,
    headline VARCHAR, verdict JSON
);

CREATE TABLE keys (
    key_id VARCHAR, name VARCHAR, sha256 VARCHAR, rights VARCHAR[], routes VARCHAR[], created_time TIMESTAMP,
    expires_time TIMESTAMP, revoked_time TIMESTAMP
);

CREATE TABLE events (
    number BIGINT, at_time TIMESTAMP, actor VARCHAR, action VARCHAR, subject VARCHAR, details VARCHAR,
    previous VARCHAR, hash VARCHAR
);

CREATE TABLE settings (name VARCHAR, value VARCHAR);

CREATE TABLE offsets (segment VARCHAR, position BIGINT, sealed BOOLEAN, at_time TIMESTAMP);

CREATE TABLE rejects (segment VARCHAR, position BIGINT, at_time TIMESTAMP, why VARCHAR, line VARCHAR);
