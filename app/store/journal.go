package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sonm/engine/fog"
)

// Role says on which side of a deal or voucher this node stands.
type Role string

// The two sides.
const (
	Buyer  Role = "buyer"
	Seller Role = "seller"
)

// Job is a row of the job table.
type Job struct {
	ID       fog.JobID
	Module   fog.Hash
	Input    fog.Hash
	Settings []byte
	Secret   [32]byte
	Locked   fog.Amount
	Path     string
	Created  time.Time
	Specs    [][]byte // one per task
	Planned  []uint64
}

// PutJob writes a job and its tasks, in one transaction.
func (s *Store) PutJob(ctx context.Context, j Job) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO job(id,module,input,settings,secret,locked,path,state,created)
			VALUES(?,?,?,?,?,?,?,'open',?)`, j.ID[:], j.Module[:], j.Input[:], j.Settings, j.Secret[:], j.Locked[:], j.Path, millis(j.Created))
		if err != nil {
			return err
		}
		stmt, err := tx.PrepareContext(ctx, "INSERT INTO task(job,idx,spec,planned) VALUES(?,?,?,?)")
		if err != nil {
			return err
		}
		defer stmt.Close()
		for i, spec := range j.Specs {
			if _, err := stmt.ExecContext(ctx, j.ID[:], i, spec, int64(j.Planned[i])); err != nil {
				return fmt.Errorf("task %d: %w", i, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("journal job %s: %w", j.ID.Short(), err)
	}
	return nil
}

// JobState moves a job to a state: open, settled, saved or failed.
func (s *Store) JobState(ctx context.Context, id fog.JobID, state string) error {
	return s.exec(ctx, "journal job state", "UPDATE job SET state=? WHERE id=?", state, id[:])
}

// Cost is what a settled job cost and the film it gave.
type Cost struct {
	Job   fog.JobID
	Spent fog.Amount // payments and fees
	Fee   fog.Amount
	Tx    fog.Hash
	Film  fog.Hash
}

// JobSettled writes what a job cost.
func (s *Store) JobSettled(ctx context.Context, c Cost) error {
	return s.exec(ctx, "journal settlement", "UPDATE job SET state='settled',spent=?,fee=?,tx=?,film=? WHERE id=?",
		c.Spent[:], c.Fee[:], c.Tx[:], c.Film[:], c.Job[:])
}

// Reserved sums what open jobs hold of the escrow balance.
func (s *Store) Reserved(ctx context.Context) (fog.Amount, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT locked FROM job WHERE state='open'")
	if err != nil {
		return fog.Amount{}, fmt.Errorf("read reservations: %w", err)
	}
	defer rows.Close()
	var sum fog.Amount
	for rows.Next() {
		var a fog.Amount
		if err := rows.Scan(blob{a[:]}); err != nil {
			return fog.Amount{}, fmt.Errorf("read reservations: %w", err)
		}
		sum = sum.Add(a)
	}
	return sum, rows.Err()
}

// Deal is a row of the deal table.
type Deal struct {
	Role      Role
	Peer      fog.PeerID
	Deal      fog.Deal
	BuyerSig  fog.Signature
	SellerSig fog.Signature // zero until the seller has signed
	Created   time.Time
}

// PutDeal writes a deal that this side signed, or the other side's signature
// added to it.
func (s *Store) PutDeal(ctx context.Context, row Deal) error {
	d := row.Deal
	body, err := json.Marshal(d) //nolint:gosec // Secret is the hash the deal commits to
	if err != nil {
		return fmt.Errorf("journal deal: %w", err)
	}
	id := d.ID()
	return s.exec(ctx, "journal deal", `INSERT INTO deal(id,job,role,peer,buyer,seller,price,cap,body,buyer_sig,seller_sig,state,created)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,'open',?) ON CONFLICT(id) DO UPDATE SET buyer_sig=excluded.buyer_sig, seller_sig=excluded.seller_sig, peer=excluded.peer`,
		id[:], d.Job[:], string(row.Role), string(row.Peer), d.Buyer[:], d.Seller[:], d.Price[:], d.Cap[:], body,
		row.BuyerSig[:], row.SellerSig[:], millis(row.Created))
}

// DealState moves a deal to open, closed or broken.
func (s *Store) DealState(ctx context.Context, id fog.DealID, state string) error {
	return s.exec(ctx, "journal deal state", "UPDATE deal SET state=? WHERE id=?", state, id[:])
}

// PutResult writes a signed result; the same one again changes nothing.
func (s *Store) PutResult(ctx context.Context, index uint32, r fog.Receipt, state string, at time.Time) error {
	return s.exec(ctx, "journal result", `INSERT INTO result(deal,idx,attempt,output,work,level,sig,state,created)
		VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
		r.Deal[:], index, r.Attempt, r.Result[:], int64(r.Work), r.Level, r.Sig[:], state, millis(at))
}

// Verdict is what was decided about a result.
type Verdict struct {
	Deal    fog.DealID
	Index   uint32
	Attempt uint32
	OK      bool
	Amount  fog.Amount // owed for it, before the fee; zero if not OK
}

// Judge records a verdict.
func (s *Store) Judge(ctx context.Context, v Verdict) error {
	state := "rejected"
	if v.OK {
		state = "accepted"
	}
	return s.exec(ctx, "journal verdict", "UPDATE result SET state=?, amount=? WHERE deal=? AND idx=? AND attempt=?",
		state, v.Amount[:], v.Deal[:], v.Index, v.Attempt)
}

// PutVoucher keeps the highest voucher of a (buyer, seller, epoch).
func (s *Store) PutVoucher(ctx context.Context, role Role, v fog.Voucher, at time.Time) error {
	return s.exec(ctx, "journal voucher", `INSERT INTO voucher(role,buyer,seller,epoch,total,sig,updated) VALUES(?,?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET total=excluded.total, sig=excluded.sig, updated=excluded.updated WHERE excluded.total > voucher.total`,
		string(role), v.Buyer[:], v.Seller[:], v.Epoch, v.Total[:], v.Sig[:], millis(at))
}

// VoucherTotal is the highest total promised so far, zero if none.
func (s *Store) VoucherTotal(ctx context.Context, role Role, buyer, seller fog.Address, epoch uint32) (fog.Amount, error) {
	var total fog.Amount
	err := s.db.QueryRowContext(ctx, "SELECT total FROM voucher WHERE role=? AND buyer=? AND seller=? AND epoch=?",
		string(role), buyer[:], seller[:], epoch).Scan(blob{total[:]})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return total, fmt.Errorf("read voucher: %w", err)
	}
	return total, nil
}

// SellerTotal is the highest total this node holds of a buyer, zero if none.
func (s *Store) SellerTotal(ctx context.Context, buyer fog.Address, epoch uint32) (fog.Amount, error) {
	var total fog.Amount
	err := s.db.QueryRowContext(ctx, "SELECT total FROM voucher WHERE role='seller' AND buyer=? AND epoch=? ORDER BY total DESC LIMIT 1",
		buyer[:], epoch).Scan(blob{total[:]})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return total, fmt.Errorf("read voucher: %w", err)
	}
	return total, nil
}

// AddFact appends a fact to the activity log.
func (s *Store) AddFact(ctx context.Context, at time.Time, f fog.Fact) error {
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("journal fact: %w", err)
	}
	return s.exec(ctx, "journal fact", "INSERT INTO fact(at,kind,body) VALUES(?,?,?)", millis(at), fmt.Sprintf("%T", f), body)
}
