-- What replacements of each answer score: the empty answer, and three answers of other cases.

ALTER TABLE results ADD COLUMN controls VARCHAR[];
ALTER TABLE scores ADD COLUMN controls DOUBLE[];
ALTER TABLE scores ADD COLUMN control_details VARCHAR;
