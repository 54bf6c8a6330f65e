-- Which results were re-run here: a seller's record over all jobs.
ALTER TABLE result ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;

CREATE INDEX deal_seller ON deal(seller);
