-- What a unit did after a request of an experiment, and the requests of the last half hour that are still compared.

ALTER TABLE requests ADD COLUMN question BOOLEAN;
ALTER TABLE requests ADD COLUMN next_request VARCHAR;

CREATE TABLE recent_turns (
    request_id VARCHAR, at_time TIMESTAMP, experiment VARCHAR, unit VARCHAR, prompt VARCHAR, retried BOOLEAN,
    words UINTEGER[]
);

CREATE TABLE unit_sums_with_next AS
SELECT * EXCLUDE (kept_away, is_first, tags), 0::BIGINT AS followed, 0::BIGINT AS questions, 0::BIGINT AS asked_again,
    0::BIGINT AS regenerated, 0::BIGINT AS left_after_error, 0::BIGINT AS not_continued, kept_away, is_first, tags
FROM unit_sums;
DROP TABLE unit_sums;
ALTER TABLE unit_sums_with_next RENAME TO unit_sums;
