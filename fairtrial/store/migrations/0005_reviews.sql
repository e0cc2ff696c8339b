-- Blind review. Votes are only added; one that was taken back is named in review_undone. Times are UTC.
-- Arms are stored by what they are (candidate, baseline); which stood on the left is stored with each vote.

CREATE TABLE review_queues (
    queue_id VARCHAR, at_time TIMESTAMP, title VARCHAR, suite VARCHAR, suite_digest VARCHAR,
    candidate VARCHAR, baseline VARCHAR, candidate_digest VARCHAR, baseline_digest VARCHAR,
    candidate_run VARCHAR, baseline_run VARCHAR, names VARCHAR[], rule JSON, secret VARCHAR,
    created_by VARCHAR, closed_time TIMESTAMP, closed_by VARCHAR
);

CREATE TABLE review_items (
    item_id VARCHAR, queue_id VARCHAR, case_id VARCHAR, cluster VARCHAR, unit VARCHAR, asked VARCHAR,
    reference VARCHAR, candidate_output VARCHAR, baseline_output VARCHAR, probability DOUBLE, wants INTEGER
);

CREATE TABLE review_claims (item_id VARCHAR, queue_id VARCHAR, reviewer VARCHAR, at_time TIMESTAMP, expires_time TIMESTAMP);

CREATE TABLE review_drafts (item_id VARCHAR, queue_id VARCHAR, reviewer VARCHAR, at_time TIMESTAMP, draft VARCHAR);

CREATE TABLE review_votes (
    vote_id VARCHAR, item_id VARCHAR, queue_id VARCHAR, reviewer VARCHAR, reviewer_name VARCHAR, at_time TIMESTAMP,
    left_arm VARCHAR, preference VARCHAR, comment VARCHAR, edited_candidate VARCHAR, edited_baseline VARCHAR,
    flagged BOOLEAN, seconds DOUBLE
);

CREATE TABLE review_ratings (vote_id VARCHAR, arm VARCHAR, dimension VARCHAR, value INTEGER);

CREATE TABLE review_undone (vote_id VARCHAR, at_time TIMESTAMP);

CREATE TABLE review_skips (item_id VARCHAR, queue_id VARCHAR, reviewer VARCHAR, at_time TIMESTAMP, reason VARCHAR);
