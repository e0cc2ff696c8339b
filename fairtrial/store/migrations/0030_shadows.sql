-- Shadows: who started and stopped them (rows are only added), and a pair for each request that one copied.

CREATE TABLE shadows (
    shadow_id VARCHAR,
    at_time TIMESTAMP,
    action VARCHAR,
    route VARCHAR,
    actor VARCHAR,
    definition VARCHAR
);

CREATE TABLE shadow_pairs (
    request_id VARCHAR,
    copy_id VARCHAR,
    at_time TIMESTAMP,
    shadow_id VARCHAR,
    route VARCHAR,
    unit VARCHAR,
    plan_hash VARCHAR,
    prompt_bytes BIGINT,
    dropped BOOLEAN,
    deployment VARCHAR,
    outcome VARCHAR,
    error_code VARCHAR,
    latency_ms DOUBLE,
    ttft_ms DOUBLE,
    tokens_in BIGINT,
    tokens_out BIGINT,
    cost_usd DECIMAL(18, 9),
    refused BOOLEAN,
    schema_valid BOOLEAN,
    response_body VARCHAR,
    scored_time TIMESTAMP,
    scores MAP(VARCHAR, DOUBLE[])
);
