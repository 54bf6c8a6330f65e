-- What a seller delivered has its price in result.amount and stays 'done' until
-- it is paid. The results of a job are found by its deals.
CREATE INDEX deal_job ON deal(job);
