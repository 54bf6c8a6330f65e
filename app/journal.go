package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sonm/app/event"
	"sonm/app/store"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/sandbox"
	"sonm/engine/worker"
)

// journal is the database as the roles see it, and a folder for results, each
// in a file named by its hash.
type journal struct {
	db      *store.Store
	results string
	now     func() time.Time
	order   RenderRequest // of the job that is written down
}

// of is the journal for one order.
func (j *journal) of(r RenderRequest) *journal {
	c := *j
	c.order = r
	return &c
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
	row := store.Job{
		ID: r.ID, Module: r.Module, Input: r.Input, Settings: set, Secret: r.Secret, Locked: r.Locked, Ceiling: r.Ceiling,
		Check: r.Check, Sellers: r.Sellers, Scene: j.order.Scene, Path: j.order.Out, Look: lookText(j.order.Look), Created: r.Began,
	}
	for _, t := range r.Plan.Tasks {
		row.Specs = append(row.Specs, t.Spec.Encode())
		row.Planned = append(row.Planned, t.Planned)
	}
	return j.db.PutJob(ctx, row)
}

// lookText is a look as it is written down.
func lookText(l event.Look) string {
	b, _ := json.Marshal(l) // its numbers are finite, see lookOf
	return string(b)
}

// saved reads back all that is known of an unfinished job.
func (j *journal) saved(ctx context.Context, row store.Job) (buyer.Saved, error) {
	rec, err := record(row)
	if err != nil {
		return buyer.Saved{}, fmt.Errorf("job %s in the journal: %w", row.ID.Short(), err)
	}
	out := buyer.Saved{Record: rec}
	deals, err := j.db.Deals(ctx, row.ID)
	if err != nil {
		return out, err
	}
	for _, d := range deals {
		out.Deals = append(out.Deals, buyer.Struck{Deal: d.Deal, Peer: d.Peer, Caught: d.State == buyer.DealCaught})
	}
	results, err := j.db.Results(ctx, row.ID)
	if err != nil {
		return out, err
	}
	for _, x := range results {
		if int(x.Index) >= len(row.Specs) {
			return out, fmt.Errorf("job %s in the journal: result %d of %d tasks", row.ID.Short(), x.Index, len(row.Specs))
		}
		x.Receipt.Task, x.Receipt.Spec = fog.TaskIDOf(row.ID, x.Index), fog.ContentHash(row.Specs[x.Index])
		out.Arrivals = append(out.Arrivals, buyer.Arrival{
			Index: x.Index, Receipt: x.Receipt, Engine: sandbox.Engine(x.Engine),
			Judged: x.State != "done", OK: x.State == "accepted", Amount: x.Amount,
		})
	}
	return out, nil
}

// record turns a row back into what it was made of.
func record(row store.Job) (buyer.Record, error) {
	set, err := job.DecodeSettings(row.Settings)
	if err != nil {
		return buyer.Record{}, err
	}
	r := buyer.Record{
		ID: row.ID, Module: row.Module, Input: row.Input, Settings: set, Secret: row.Secret, Locked: row.Locked, Ceiling: row.Ceiling,
		Check: row.Check, Sellers: row.Sellers, Began: row.Created, Plan: job.Plan{Settings: set},
	}
	for i, b := range row.Specs {
		spec, err := job.DecodeSpec(b)
		if err != nil {
			return r, fmt.Errorf("task %d: %w", i, err)
		}
		r.Plan.Tasks = append(r.Plan.Tasks, job.Task{Index: uint32(i), Spec: spec, Planned: row.Planned[i]})
		r.Plan.Planned += row.Planned[i]
	}
	return r, nil
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
func (j *journal) PutArrived(ctx context.Context, id fog.JobID, a buyer.Arrival, output []byte) error {
	if err := os.MkdirAll(j.folder(id), 0o700); err != nil {
		return err
	}
	if err := writeAtomic(j.file(id, a.Receipt.Result), output, 0o600); err != nil {
		return err
	}
	return j.db.PutResult(ctx, store.Result{Index: a.Index, Receipt: a.Receipt, Engine: string(a.Engine), Created: j.now()})
}

// Output reads a result that arrived.
func (j *journal) Output(_ context.Context, id fog.JobID, result fog.Hash) ([]byte, error) {
	b, err := os.ReadFile(j.file(id, result))
	if err != nil {
		return nil, err
	}
	if fog.ContentHash(b) != result {
		return nil, fmt.Errorf("result %v is damaged on disk", result)
	}
	return b, nil
}

// saveDone marks a job's picture as saved and forgets the results.
func (j *journal) saveDone(ctx context.Context, id fog.JobID) error {
	if err := j.db.JobState(ctx, id, "saved"); err != nil {
		return err
	}
	return os.RemoveAll(j.folder(id))
}

// sweep forgets the results of jobs that are over: an animation's are kept
// until the engine ends, and a crash may leave them.
func (j *journal) sweep(ctx context.Context) error {
	rows, err := j.db.Unfinished(ctx)
	if err != nil {
		return err
	}
	folders, err := os.ReadDir(j.results)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if slices.ContainsFunc(rows, func(r store.Job) bool { return r.ID.String() == f.Name() }) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(j.results, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Judge records what was decided about a result.
func (j *journal) Judge(ctx context.Context, v buyer.Verdict) error {
	return j.db.Judge(ctx, store.Verdict{Deal: v.Deal, Index: v.Index, Attempt: v.Attempt, OK: v.OK, Drawn: v.Drawn, Amount: v.Amount, Voucher: v.Voucher, At: j.now()})
}

// Passed counts the seller's results that were drawn and right.
func (j *journal) Passed(ctx context.Context, seller fog.Address, from, to time.Time) (int, error) {
	return j.db.Passed(ctx, seller, from, to)
}

// PutResult keeps a receipt this node signed.
func (j *journal) PutResult(ctx context.Context, index uint32, r fog.Receipt, engine string, price fog.Amount) error {
	return j.db.PutResult(ctx, store.Result{Index: index, Receipt: r, Engine: engine, Amount: price, Created: j.now()})
}

// NotOwed notes that a task this node sold is not owed for any more.
func (j *journal) NotOwed(ctx context.Context, id fog.JobID, index uint32) error {
	return j.db.NotOwed(ctx, id, index)
}

// Owed is what buyers owe this node for results since a moment.
func (j *journal) Owed(ctx context.Context, since time.Time) (map[fog.Address][]worker.Owed, error) {
	rows, err := j.db.Owed(ctx, since)
	if err != nil {
		return nil, err
	}
	all := map[fog.Address][]worker.Owed{}
	for _, d := range rows {
		all[d.Buyer] = append(all[d.Buyer], worker.Owed{Job: d.Job, Index: d.Index, Price: d.Amount, Sent: d.Created})
	}
	return all, nil
}

// PutSellerVoucher keeps a promise to this node.
func (j *journal) PutSellerVoucher(ctx context.Context, v fog.Voucher) error {
	return j.db.PutVoucher(ctx, v, j.now())
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

func (j *journal) folder(id fog.JobID) string { return filepath.Join(j.results, id.String()) }

func (j *journal) file(id fog.JobID, h fog.Hash) string {
	return filepath.Join(j.folder(id), h.String())
}
