-- Changes of alarms that wait for their messages (the outbox), and what became of each message to a target.

CREATE TABLE alarm_changes (alarm_id VARCHAR, change VARCHAR, at_time TIMESTAMP);

CREATE TABLE alarm_messages (
    message_id VARCHAR, alarm_id VARCHAR, target VARCHAR, change VARCHAR, at_time TIMESTAMP, body VARCHAR,
    state VARCHAR, attempts INTEGER, next_at TIMESTAMP, changed_at TIMESTAMP, reason VARCHAR
);
