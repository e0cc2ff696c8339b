-- What each look decided about a treatment, in the row of its first metric; NULL in other rows and in earlier looks.

ALTER TABLE looks ADD COLUMN decision VARCHAR;
