-- The evidence and the hash chain of verdicts, and the votes of their approvers. Rows are only added.

CREATE TABLE verdict_records (
    number BIGINT, verdict_id VARCHAR, at_time TIMESTAMP, evidence BLOB, verdict_sha256 VARCHAR,
    evidence_sha256 VARCHAR, previous VARCHAR, hash VARCHAR
);

CREATE TABLE approvals (
    number BIGINT, at_time TIMESTAMP, verdict_id VARCHAR, actor VARCHAR, role VARCHAR, vote VARCHAR, why VARCHAR
);
