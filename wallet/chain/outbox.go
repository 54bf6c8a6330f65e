package chain

import (
	"context"
	"sync"

	"github.com/ethereum/go-ethereum/common"
)

// Record is a signed transaction as the outbox keeps it.
type Record struct {
	ID      common.Hash // of the transaction
	Purpose string      // what it is for: "deposit", "settle", ...
	ChainID uint64
	From    common.Address
	Nonce   uint64
	Raw     []byte // signed, ready to be sent again
}

// Outbox remembers transactions from before they are sent until nothing can
// undo them, so that a program that dies in between sends them again.
type Outbox interface {
	// Save returns when r is on disk. Saving a record twice is no error.
	Save(ctx context.Context, r Record) error
	// Final forgets the record: its effects are there to stay, or can never be.
	Final(ctx context.Context, id common.Hash) error
	// Pending lists what is not final, oldest first.
	Pending(ctx context.Context) ([]Record, error)
}

// MemoryOutbox is an Outbox that a crash empties: for tests, and for programs
// that only read.
type MemoryOutbox struct {
	mu      sync.Mutex
	records []Record // guarded by mu
}

// Save keeps r.
func (o *MemoryOutbox) Save(_ context.Context, r Record) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, have := range o.records {
		if have.ID == r.ID {
			return nil
		}
	}
	o.records = append(o.records, r)
	return nil
}

// Final forgets the record.
func (o *MemoryOutbox) Final(_ context.Context, id common.Hash) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, r := range o.records {
		if r.ID == id {
			o.records = append(o.records[:i:i], o.records[i+1:]...)
			return nil
		}
	}
	return nil
}

// Pending lists what is kept.
func (o *MemoryOutbox) Pending(context.Context) ([]Record, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Record(nil), o.records...), nil
}
