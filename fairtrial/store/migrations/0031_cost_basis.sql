-- What a cost rests on, the service tier that the answer names, and writes to a cache that lasts an hour.

ALTER TABLE requests ADD COLUMN tokens_cache_write_1h BIGINT;
ALTER TABLE requests ADD COLUMN service_tier VARCHAR;
ALTER TABLE requests ADD COLUMN cost_basis VARCHAR;
ALTER TABLE attempts ADD COLUMN tokens_cache_write_1h BIGINT;
ALTER TABLE attempts ADD COLUMN service_tier VARCHAR;
ALTER TABLE attempts ADD COLUMN cost_basis VARCHAR;
