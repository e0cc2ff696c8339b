-- People who sign in. Passwords as argon2id; tokens of invitations and sessions as SHA-256 only.

CREATE TABLE accounts (
    account_id VARCHAR, name VARCHAR, role VARCHAR, password VARCHAR, created_time TIMESTAMP, disabled_time TIMESTAMP
);

CREATE TABLE invitations (
    sha256 VARCHAR, account_id VARCHAR, created_time TIMESTAMP, expires_time TIMESTAMP, ended_time TIMESTAMP
);

CREATE TABLE sessions (
    sha256 VARCHAR, account_id VARCHAR, created_time TIMESTAMP, seen_time TIMESTAMP
);
