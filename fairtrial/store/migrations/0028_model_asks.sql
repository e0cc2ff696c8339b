-- Daily asks whether a deployment still answers as the model that was judged; rows are only added.

CREATE TABLE model_asks (
    deployment VARCHAR,
    deployment_digest VARCHAR,
    at_time TIMESTAMP,
    score DOUBLE,
    changed_since TIMESTAMP,
    ask VARCHAR
);
