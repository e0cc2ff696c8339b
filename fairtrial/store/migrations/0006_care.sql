-- The care of the store: which units were erased (by the hash of their pseudonym), and which backups were made.

CREATE TABLE erasures (
    erasure_id VARCHAR, at_time TIMESTAMP, ended_time TIMESTAMP, unit_kind VARCHAR, unit_hash VARCHAR, actor VARCHAR,
    counts JSON
);

CREATE TABLE backups (backup_id VARCHAR, at_time TIMESTAMP, path VARCHAR, bytes BIGINT, sha256 VARCHAR);
