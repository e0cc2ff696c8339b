-- What was stored of the requests that workers count by arm, and what is missing. A row adds to its source and arm.

CREATE TABLE stored_records (
    source VARCHAR,
    experiment VARCHAR,
    analysis_hash VARCHAR,
    variant VARCHAR,
    cells USMALLINT[],
    requests UINTEGER[]
);

CREATE TABLE lost_records (
    at_time TIMESTAMP,
    source VARCHAR,
    experiment VARCHAR,
    analysis_hash VARCHAR,
    variant VARCHAR,
    cells USMALLINT[],
    requests UINTEGER[]
);
