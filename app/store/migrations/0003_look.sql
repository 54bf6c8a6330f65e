-- How the picture is to be saved: JSON, "" for the plain look.
ALTER TABLE job ADD COLUMN look TEXT NOT NULL DEFAULT '';
