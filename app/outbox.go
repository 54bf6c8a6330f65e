package app

import (
	"context"
	"fmt"

	"sonm/app/store"
	"sonm/wallet"
)

// outbox keeps the wallet's transactions in the journal.
type outbox struct{ db *store.Store }

// Save writes a transaction before it is sent.
func (o outbox) Save(ctx context.Context, r wallet.Record) error {
	return o.db.SaveTx(ctx, store.Tx{ID: [32]byte(r.ID), Purpose: r.Purpose, Chain: r.ChainID, From: [20]byte(r.From), Nonce: r.Nonce, Raw: r.Raw})
}

// Final forgets a transaction.
func (o outbox) Final(ctx context.Context, id wallet.Hash) error {
	return o.db.FinalTx(ctx, [32]byte(id))
}

// Pending lists what is to be sent again.
func (o outbox) Pending(ctx context.Context) ([]wallet.Record, error) {
	rows, err := o.db.PendingTx(ctx)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	all := make([]wallet.Record, len(rows))
	for i, t := range rows {
		all[i] = wallet.Record{ID: [32]byte(t.ID), Purpose: t.Purpose, ChainID: t.Chain, From: [20]byte(t.From), Nonce: t.Nonce, Raw: t.Raw}
	}
	return all, nil
}
