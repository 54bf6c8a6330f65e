-- When a result that was drawn for a check was found right: a seller's record.
-- What was there counted everyone's first result, too, and had no date.
ALTER TABLE result DROP COLUMN checked;
ALTER TABLE result ADD COLUMN drawn INTEGER;
