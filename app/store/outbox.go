package store

import (
	"context"
	"fmt"

	"sonm/engine/fog"
)

// Tx is a signed transaction on its way to the chain.
type Tx struct {
	ID      fog.Hash // of the transaction
	Purpose string
	Chain   uint64 // chain id
	From    fog.Address
	Nonce   uint64
	Raw     []byte
}

// SaveTx writes a transaction before it is sent.
func (s *Store) SaveTx(ctx context.Context, t Tx) error {
	return s.exec(ctx, "journal transaction", `INSERT INTO outbox(id,purpose,chain,sender,nonce,raw) VALUES(?,?,?,?,?,?)
		ON CONFLICT DO NOTHING`, t.ID[:], t.Purpose, int64(t.Chain), t.From[:], int64(t.Nonce), t.Raw)
}

// FinalTx marks a transaction as final; it is not sent again.
func (s *Store) FinalTx(ctx context.Context, id fog.Hash) error {
	return s.exec(ctx, "journal transaction", "UPDATE outbox SET final=1 WHERE id=?", id[:])
}

// PendingTx lists transactions that are not final, oldest nonce first.
func (s *Store) PendingTx(ctx context.Context) ([]Tx, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id,purpose,chain,sender,nonce,raw FROM outbox WHERE final=0 ORDER BY nonce")
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	defer rows.Close()
	var all []Tx
	for rows.Next() {
		var t Tx
		if err := rows.Scan(blob{t.ID[:]}, &t.Purpose, &t.Chain, blob{t.From[:]}, &t.Nonce, &t.Raw); err != nil {
			return nil, fmt.Errorf("read outbox: %w", err)
		}
		all = append(all, t)
	}
	return all, rows.Err()
}
