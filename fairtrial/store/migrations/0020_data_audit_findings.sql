-- What waivers cover, and the lines of the rows that an audit names; still no text of a row.

ALTER TABLE data_audits ADD COLUMN waived VARCHAR;
ALTER TABLE data_audits ADD COLUMN findings VARCHAR;
