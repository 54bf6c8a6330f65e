-- What vouchers added to what this node was promised, one row a voucher: sums
-- of a day are read from here, the vouchers themselves only have totals.
CREATE TABLE earning (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL,
  buyer    BLOB NOT NULL,
  amount   BLOB NOT NULL       -- before the fee
) STRICT;

CREATE INDEX earning_at ON earning(at);
