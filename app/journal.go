package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sonm/app/store"
	"sonm/engine/buyer"
	"sonm/engine/fog"
)

// journal is the database as the roles see it, and a folder for results, each
// in a file named by its hash.
type journal struct {
	db      *store.Store
	results string
	now     func() time.Time
	path    string // where the job's picture goes
}

func newJournal(db *store.Store, results string) (*journal, error) {
	if err := os.MkdirAll(results, 0o700); err != nil {
		return nil, fmt.Errorf("results folder: %w", err)
	}
	return &journal{db: db, results: results, now: time.Now}, nil
}

// PutJob writes a job down before any seller hears of it.
func (j *journal) PutJob(ctx context.Context, r buyer.Record) error {
	set, err := r.Settings.Encode()
	if err != nil {
		return err
	}
	row := store.Job{ID: r.ID, Module: r.Module, Input: r.Input, Settings: set, Secret: r.Secret, Locked: r.Locked, Path: j.path, Created: j.now()}
	for _, t := range r.Plan.Tasks {
		row.Specs = append(row.Specs, t.Spec.Encode())
		row.Planned = append(row.Planned, t.Planned)
	}
	return j.db.PutJob(ctx, row)
}

// JobFailed ends a job that gave no picture.
func (j *journal) JobFailed(ctx context.Context, id fog.JobID) error {
	return j.db.JobState(ctx, id, "failed")
}

// JobSettled records what the job cost.
func (j *journal) JobSettled(ctx context.Context, c buyer.Cost) error {
	return j.db.JobSettled(ctx, store.Cost(c))
}

// PutBuyerDeal writes a deal this node buys under.
func (j *journal) PutBuyerDeal(ctx context.Context, peer fog.PeerID, d fog.Deal, b, s fog.Signature) error {
	return j.db.PutDeal(ctx, store.Deal{Role: store.Buyer, Peer: peer, Deal: d, BuyerSig: b, SellerSig: s, Created: j.now()})
}

// PutSellerDeal writes a deal this node sells under.
func (j *journal) PutSellerDeal(ctx context.Context, peer fog.PeerID, d fog.Deal, b, s fog.Signature) error {
	return j.db.PutDeal(ctx, store.Deal{Role: store.Seller, Peer: peer, Deal: d, BuyerSig: b, SellerSig: s, Created: j.now()})
}

// DealState moves a deal on.
func (j *journal) DealState(ctx context.Context, id fog.DealID, state string) error {
	return j.db.DealState(ctx, id, state)
}

// PutArrived keeps a result that arrived, the output first.
func (j *journal) PutArrived(ctx context.Context, index uint32, r fog.Receipt, output []byte) error {
	if err := writeAtomic(j.file(r.Result), output, 0o600); err != nil {
		return err
	}
	return j.db.PutResult(ctx, index, r, "done", j.now())
}

// Output reads a result that arrived.
func (j *journal) Output(_ context.Context, result fog.Hash) ([]byte, error) {
	b, err := os.ReadFile(j.file(result))
	if err != nil {
		return nil, err
	}
	if fog.ContentHash(b) != result {
		return nil, fmt.Errorf("result %v is damaged on disk", result)
	}
	return b, nil
}

// DropOutputs forgets the results of a job whose film is saved.
func (j *journal) DropOutputs() error {
	entries, err := os.ReadDir(j.results)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(j.results, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Verdict records what was decided about a result.
func (j *journal) Verdict(ctx context.Context, v buyer.Verdict) error {
	return j.db.Judge(ctx, store.Verdict(v))
}

// PutResult keeps a receipt this node signed.
func (j *journal) PutResult(ctx context.Context, index uint32, r fog.Receipt) error {
	return j.db.PutResult(ctx, index, r, "done", j.now())
}

// PutBuyerVoucher keeps a promise of this node.
func (j *journal) PutBuyerVoucher(ctx context.Context, v fog.Voucher) error {
	return j.db.PutVoucher(ctx, store.Buyer, v, j.now())
}

// PutSellerVoucher keeps a promise to this node.
func (j *journal) PutSellerVoucher(ctx context.Context, v fog.Voucher) error {
	return j.db.PutVoucher(ctx, store.Seller, v, j.now())
}

// Reserved sums what open jobs hold of the escrow balance.
func (j *journal) Reserved(ctx context.Context) (fog.Amount, error) { return j.db.Reserved(ctx) }

// Promised is the highest voucher this node gave a seller.
func (j *journal) Promised(ctx context.Context, b, seller fog.Address, epoch uint32) (fog.Amount, error) {
	return j.db.VoucherTotal(ctx, store.Buyer, b, seller, epoch)
}

// SellerVoucherTotal is what a buyer has promised this node in an epoch.
func (j *journal) SellerVoucherTotal(ctx context.Context, b fog.Address, epoch uint32) (fog.Amount, error) {
	return j.db.SellerTotal(ctx, b, epoch)
}

func (j *journal) file(h fog.Hash) string { return filepath.Join(j.results, h.String()) }
