-- Live decisions: sums of each unit, the frozen analysis plans, what each look showed, and alarms.
-- Rows of unit_sums are increments: readers add up all rows of a unit (unit_sums.py).

CREATE TABLE unit_sums (
    experiment VARCHAR, analysis_hash VARCHAR, variant VARCHAR, unit VARCHAR, early BOOLEAN, first_at TIMESTAMP,
    sent BIGINT, asked BIGINT, failed BIGINT, user_asked BIGINT, user_failed BIGINT, received BIGINT, rejected BIGINT,
    cancelled BIGINT, fell_back BIGINT, answered BIGINT, refused BIGINT, schema_checked BIGINT, schema_invalid BIGINT,
    attempts BIGINT, attempts_failed BIGINT, tokens_known BIGINT, tokens BIGINT, priced BIGINT, unpriced BIGINT,
    cost DOUBLE
);

CREATE TABLE analysis_plans (
    number BIGINT, at_time TIMESTAMP, experiment VARCHAR, segment INTEGER, revision INTEGER, attempt INTEGER,
    analysis_hash VARCHAR, plan VARCHAR, kind VARCHAR, actor VARCHAR, why VARCHAR
);

CREATE TABLE looks (
    number BIGINT, at_time TIMESTAMP, plan_number BIGINT, experiment VARCHAR, metric VARCHAR, variant VARCHAR,
    control_units BIGINT, treatment_units BIGINT, control_sums VARCHAR, treatment_sums VARCHAR, finding VARCHAR,
    latched VARCHAR, split VARCHAR
);

CREATE TABLE alarms (
    alarm_id VARCHAR, kind VARCHAR, experiment VARCHAR, at_time TIMESTAMP, state VARCHAR, text VARCHAR,
    details VARCHAR, changed_at TIMESTAMP, changed_by VARCHAR
);

ALTER TABLE transitions ADD COLUMN stage DOUBLE;

ALTER TABLE feedback ADD COLUMN subject_unit VARCHAR;
