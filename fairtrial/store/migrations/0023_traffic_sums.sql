-- Sums of requests by hour, and the last request of each unit, for pages over many requests. The first passes of the
-- ingester fill them from an older store.

CREATE TABLE traffic_sums (
    until BIGINT, hour TIMESTAMP, route VARCHAR, deployment VARCHAR, experiment VARCHAR, variant VARCHAR,
    reason VARCHAR, enrolled BOOLEAN, requests BIGINT, errors BIGINT, user_errors BIGINT, rejected BIGINT,
    kept_away BIGINT, tokens_in BIGINT, tokens_out BIGINT, cost_usd DECIMAL(38, 9), cost_unknown BIGINT,
    served_elsewhere BIGINT
);

CREATE TABLE latency_sums (
    until BIGINT, hour TIMESTAMP, route VARCHAR, deployment VARCHAR, experiment VARCHAR, variant VARCHAR,
    analysed BOOLEAN, field VARCHAR, bucket SMALLINT, requests BIGINT
);

CREATE TABLE last_requests (experiment VARCHAR, variant VARCHAR, unit UBIGINT, at_time TIMESTAMP);
