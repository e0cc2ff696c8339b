-- What people and rules did to experiments, and every plan that was published. Rows are only added.

CREATE TABLE transitions (
    number BIGINT, at_time TIMESTAMP, experiment VARCHAR, action VARCHAR, from_state VARCHAR, to_state VARCHAR,
    segment INTEGER, actor VARCHAR, why VARCHAR, evidence VARCHAR, plan_hash VARCHAR
);

CREATE TABLE published_plans (
    number BIGINT, at_time TIMESTAMP, plan_hash VARCHAR, actor VARCHAR, plan VARCHAR
);
