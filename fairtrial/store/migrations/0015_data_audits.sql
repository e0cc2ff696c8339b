-- Audits of training data: files by digest, and counts by check and severity; no text of a row. Rows are only added.

CREATE TABLE data_audits (
    number BIGINT, audit_id VARCHAR, at_time TIMESTAMP, deployment VARCHAR, actor VARCHAR, version VARCHAR,
    program VARCHAR, seconds DOUBLE, clean BOOLEAN, data_digest VARCHAR, files VARCHAR, counts VARCHAR
);
