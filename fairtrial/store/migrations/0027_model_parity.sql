-- Whether a deployment serves what was trained, by a file of its training; rows are only added.

CREATE TABLE model_parity (
    deployment VARCHAR,
    deployment_digest VARCHAR,
    file_digest VARCHAR,
    at_time TIMESTAMP,
    answer VARCHAR,
    cause VARCHAR,
    result VARCHAR
);
