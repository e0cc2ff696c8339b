-- What a case asked, so that people can read an answer beside its question without the suite's files.

ALTER TABLE results ADD COLUMN asked VARCHAR;
