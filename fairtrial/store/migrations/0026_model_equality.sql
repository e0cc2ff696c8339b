-- Whether a deployment answers as its base, by probes that both were asked; rows are only added.

CREATE TABLE model_equality (
    deployment VARCHAR,
    base VARCHAR,
    deployment_digest VARCHAR,
    base_digest VARCHAR,
    at_time TIMESTAMP,
    answer VARCHAR,
    result VARCHAR
);
