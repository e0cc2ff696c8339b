-- Runs whose texts retention does not delete, because a migration compares successors with them for good.

CREATE TABLE kept_runs (run_id VARCHAR, at_time TIMESTAMP, kept_by VARCHAR);
