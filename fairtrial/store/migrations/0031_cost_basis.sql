-- What a cost rests on, the service tier that the answer names, and writes to a cache that lasts an hour.

ALTER TABLE requests ADD COLUMN tokens_cache_write_1h BIGINT;
ALTER TABLE requests ADD COLUMN service_tier VARCHAR;
ALTER TABLE requests ADD COLUMN cost_basis VARCHAR;
ALTER TABLE attempts ADD COLUMN tokens_cache_write_1h BIGINT;
ALTER TABLE attempts ADD COLUMN service_tier VARCHAR;
ALTER TABLE attempts ADD COLUMN cost_basis VARCHAR;

-- The hours of own machines in which a call ran: what an hour costs, how long the machine was busy, and what was settled.
CREATE TABLE machine_hours (
    hour TIMESTAMP, machine VARCHAR, usd_hour DECIMAL(18, 9), busy_us BIGINT, tokens BIGINT, cost_usd DECIMAL(18, 9)
);
