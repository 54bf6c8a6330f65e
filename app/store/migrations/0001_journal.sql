-- Amounts are 32-byte big-endian blobs, ids and hashes 32-byte blobs,
-- addresses 20-byte blobs, times UTC milliseconds.
CREATE TABLE job (
  id       BLOB PRIMARY KEY,
  module   BLOB NOT NULL,
  input    BLOB NOT NULL,      -- root of the bundle's chunks
  settings BLOB NOT NULL,      -- job.json
  secret   BLOB NOT NULL,      -- spot checks are drawn from it
  locked   BLOB NOT NULL,      -- most the job may cost
  ceiling  BLOB NOT NULL,      -- dearest price the lock covers
  checked  REAL NOT NULL,      -- share of results that are re-run
  sellers  INTEGER NOT NULL,   -- wanted at once
  scene    TEXT NOT NULL,      -- path of the scene, for people
  spent    BLOB,               -- set when settled
  fee      BLOB,
  tx       BLOB,
  film     BLOB,
  path     TEXT NOT NULL,      -- where the picture goes
  state    TEXT NOT NULL,      -- open, settled, saved, failed
  created  INTEGER NOT NULL
) STRICT;

CREATE TABLE task (
  job      BLOB NOT NULL REFERENCES job(id),
  idx      INTEGER NOT NULL,
  spec     BLOB NOT NULL,
  planned  INTEGER NOT NULL,
  PRIMARY KEY (job, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE deal (
  id       BLOB PRIMARY KEY,
  job      BLOB NOT NULL,
  role     TEXT NOT NULL,      -- buyer, seller
  peer     TEXT NOT NULL,
  buyer    BLOB NOT NULL,
  seller   BLOB NOT NULL,
  price    BLOB NOT NULL,
  cap      BLOB NOT NULL,
  body     BLOB NOT NULL,      -- JSON of the signed deal
  buyer_sig  BLOB NOT NULL,
  seller_sig BLOB NOT NULL,
  state    TEXT NOT NULL,      -- open, closed, broken, caught
  created  INTEGER NOT NULL
) STRICT;

-- What a worker delivered. At the buyer: results that arrived; at the seller:
-- results that were sent. The output itself is a blob named by its hash.
CREATE TABLE result (
  deal     BLOB NOT NULL REFERENCES deal(id),
  idx      INTEGER NOT NULL,
  attempt  INTEGER NOT NULL,
  output   BLOB NOT NULL,
  work     INTEGER NOT NULL,
  level    INTEGER NOT NULL,
  engine   TEXT NOT NULL,      -- WebAssembly engine it ran in
  sig      BLOB NOT NULL,
  state    TEXT NOT NULL,      -- done, accepted, rejected
  amount   BLOB,               -- gross, once owed
  created  INTEGER NOT NULL,
  PRIMARY KEY (deal, idx, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE voucher (
  role     TEXT NOT NULL,      -- buyer: issued here; seller: received here
  buyer    BLOB NOT NULL,
  seller   BLOB NOT NULL,
  epoch    INTEGER NOT NULL,
  total    BLOB NOT NULL,
  sig      BLOB NOT NULL,
  updated  INTEGER NOT NULL,
  PRIMARY KEY (role, buyer, seller, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  id       BLOB PRIMARY KEY,   -- hash of the transaction
  purpose  TEXT NOT NULL,
  chain    INTEGER NOT NULL,
  sender   BLOB NOT NULL,
  nonce    INTEGER NOT NULL,
  raw      BLOB NOT NULL,      -- signed transaction, written before it is sent
  final    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE fact (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  body     BLOB NOT NULL       -- JSON
) STRICT;
