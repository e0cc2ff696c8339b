-- The texts of suites, so that control can judge a run without the suite's files.

CREATE TABLE suite_texts (
    at_time TIMESTAMP, suite VARCHAR, suite_digest VARCHAR, text_digest VARCHAR, text VARCHAR
);
