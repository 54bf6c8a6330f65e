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
	Ceiling  fog.Amount
	Check    float64
	Sellers  int
	Scene    string // path, for people
	Path     string // where the picture goes
	Look     string // how it is to be saved, JSON
	State    string // open, settled, saved or failed
	Created  time.Time
	Specs    [][]byte // one per task
	Planned  []uint64

	Cost // once settled
}

// PutJob writes a job and its tasks, in one transaction.
func (s *Store) PutJob(ctx context.Context, j Job) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO job(id,module,input,settings,secret,locked,ceiling,checked,sellers,scene,path,look,state,created)
			VALUES(?,?,?,?,?,?,?,?,?,?,?,?,'open',?)`, j.ID[:], j.Module[:], j.Input[:], j.Settings, j.Secret[:], j.Locked[:], j.Ceiling[:],
			j.Check, j.Sellers, j.Scene, j.Path, j.Look, millis(j.Created))
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

// Unfinished lists the jobs whose picture is not saved yet, oldest first.
func (s *Store) Unfinished(ctx context.Context) ([]Job, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id,module,input,settings,secret,locked,ceiling,checked,sellers,scene,path,look,state,created,spent,fee,tx,film
		FROM job WHERE state IN ('open','stopping','settled') ORDER BY created`)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	defer rows.Close()
	var all []Job
	for rows.Next() {
		var j Job
		var created int64
		if err := rows.Scan(blob{j.ID[:]}, blob{j.Module[:]}, blob{j.Input[:]}, &j.Settings, blob{j.Secret[:]}, blob{j.Locked[:]}, blob{j.Ceiling[:]},
			&j.Check, &j.Sellers, &j.Scene, &j.Path, &j.Look, &j.State, &created, blob{j.Spent[:]}, blob{j.Fee[:]}, blob{j.Tx[:]}, blob{j.Film[:]}); err != nil {
			return nil, fmt.Errorf("read jobs: %w", err)
		}
		j.Created, j.Job = time.UnixMilli(created), j.ID
		all = append(all, j)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	rows.Close() // the connection is one, and the tasks are read over it
	for i := range all {
		if err := s.tasks(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Store) tasks(ctx context.Context, j *Job) error {
	rows, err := s.db.QueryContext(ctx, "SELECT spec,planned FROM task WHERE job=? ORDER BY idx", j.ID[:])
	if err != nil {
		return fmt.Errorf("read tasks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var spec []byte
		var planned int64
		if err := rows.Scan(&spec, &planned); err != nil {
			return fmt.Errorf("read tasks: %w", err)
		}
		j.Specs, j.Planned = append(j.Specs, spec), append(j.Planned, uint64(planned))
	}
	return rows.Err()
}

// Stopping is the state of a job that the person called off and that is not
// settled yet.
const Stopping = "stopping"

// JobStopping moves an open job to Stopping.
func (s *Store) JobStopping(ctx context.Context, id fog.JobID) error {
	return s.exec(ctx, "journal job state", "UPDATE job SET state=? WHERE id=? AND state='open'", Stopping, id[:])
}

// JobStateOf is the state of a job, "" if there is none of that id.
func (s *Store) JobStateOf(ctx context.Context, id fog.JobID) (state string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT state FROM job WHERE id=?", id[:]).Scan(&state)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read job: %w", err)
	}
	return state, nil
}

// JobState moves a job to a state: open, stopping, settled, saved or failed.
func (s *Store) JobState(ctx context.Context, id fog.JobID, state string) error {
	return s.exec(ctx, "journal job state", "UPDATE job SET state=? WHERE id=?", state, id[:])
}

// JobLook writes down how a job's picture is to be saved now.
func (s *Store) JobLook(ctx context.Context, id fog.JobID, look string) error {
	return s.exec(ctx, "journal job look", "UPDATE job SET look=? WHERE id=?", look, id[:])
}

// Cost is what a settled job cost and the film it gave.
type Cost struct {
	Job    fog.JobID
	Spent  fog.Amount // payments and fees
	Fee    fog.Amount
	Tx     fog.Hash
	Film   fog.Hash
	Failed bool // it gave no picture; what was done is paid all the same
}

// JobSettled writes what a job cost.
func (s *Store) JobSettled(ctx context.Context, c Cost) error {
	state := "settled"
	if c.Failed {
		state = "failed"
	}
	return s.exec(ctx, "journal settlement", "UPDATE job SET state=?,spent=?,fee=?,tx=?,film=? WHERE id=?",
		state, c.Spent[:], c.Fee[:], c.Tx[:], c.Film[:], c.Job[:])
}

// Reserved sums what open jobs hold of the escrow balance.
func (s *Store) Reserved(ctx context.Context) (fog.Amount, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT locked FROM job WHERE state IN ('open','stopping')")
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
	State     string        // read only: open, closed, broken or caught
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
		VALUES(?,?,?,?,?,?,?,?,?,?,?,'open',?) ON CONFLICT(id) DO UPDATE SET peer=excluded.peer, buyer_sig=excluded.buyer_sig,
			seller_sig=CASE WHEN excluded.seller_sig=zeroblob(65) THEN deal.seller_sig ELSE excluded.seller_sig END`,
		id[:], d.Job[:], string(row.Role), string(row.Peer), d.Buyer[:], d.Seller[:], d.Price[:], d.Cap[:], body,
		row.BuyerSig[:], row.SellerSig[:], millis(row.Created))
}

// DealState moves a deal to open, closed, broken or caught.
func (s *Store) DealState(ctx context.Context, id fog.DealID, state string) error {
	return s.exec(ctx, "journal deal state", "UPDATE deal SET state=? WHERE id=?", state, id[:])
}

// Deals lists the deals of a job on the buying side that both have signed.
func (s *Store) Deals(ctx context.Context, job fog.JobID) ([]Deal, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT peer,body,buyer_sig,seller_sig,state,created FROM deal WHERE job=? AND role='buyer' ORDER BY created", job[:])
	if err != nil {
		return nil, fmt.Errorf("read deals: %w", err)
	}
	defer rows.Close()
	var all []Deal
	for rows.Next() {
		d := Deal{Role: Buyer}
		var body []byte
		var created int64
		if err := rows.Scan((*string)(&d.Peer), &body, blob{d.BuyerSig[:]}, blob{d.SellerSig[:]}, &d.State, &created); err != nil {
			return nil, fmt.Errorf("read deals: %w", err)
		}
		if err := json.Unmarshal(body, &d.Deal); err != nil {
			return nil, fmt.Errorf("read deals: %w", err)
		}
		d.Created = time.UnixMilli(created)
		all = append(all, d)
	}
	return all, rows.Err()
}

// Result is a row of the result table.
type Result struct {
	Index   uint32
	Receipt fog.Receipt // its Task and Spec follow from the job and are not stored
	Engine  string
	State   string     // read only: done, accepted or rejected
	Amount  fog.Amount // owed for it, before the fee; at the buyer once it is judged
	Created time.Time
}

// PutResult writes a signed result; the same one again changes nothing.
func (s *Store) PutResult(ctx context.Context, x Result) error {
	r := x.Receipt
	var amount []byte
	if !x.Amount.IsZero() {
		amount = x.Amount[:]
	}
	return s.exec(ctx, "journal result", `INSERT INTO result(deal,idx,attempt,output,work,level,engine,sig,state,amount,created)
		VALUES(?,?,?,?,?,?,?,?,'done',?,?) ON CONFLICT DO NOTHING`,
		r.Deal[:], x.Index, r.Attempt, r.Result[:], int64(r.Work), r.Level, x.Engine, r.Sig[:], amount, millis(x.Created))
}

// NotOwed notes that a task this node sold is not owed for any more.
func (s *Store) NotOwed(ctx context.Context, job fog.JobID, index uint32) error {
	return s.exec(ctx, "journal payment", `UPDATE result SET state='accepted'
		WHERE deal IN (SELECT id FROM deal WHERE job=? AND role='seller') AND idx=? AND state='done'`, job[:], index)
}

// Debt is a result this node delivered and is owed for.
type Debt struct {
	Buyer   fog.Address
	Job     fog.JobID
	Index   uint32
	Amount  fog.Amount
	Created time.Time
}

// Owed lists what this node delivered since a moment and is owed for, oldest
// first. What was delivered before sellers wrote their prices down is not in it.
func (s *Store) Owed(ctx context.Context, since time.Time) ([]Debt, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT d.buyer,d.job,r.idx,r.amount,r.created FROM deal d JOIN result r ON r.deal=d.id
		WHERE d.role='seller' AND r.state='done' AND r.amount IS NOT NULL AND r.created>=? ORDER BY r.created`, millis(since))
	if err != nil {
		return nil, fmt.Errorf("read debts: %w", err)
	}
	defer rows.Close()
	var all []Debt
	for rows.Next() {
		var d Debt
		var created int64
		if err := rows.Scan(blob{d.Buyer[:]}, blob{d.Job[:]}, &d.Index, blob{d.Amount[:]}, &created); err != nil {
			return nil, fmt.Errorf("read debts: %w", err)
		}
		d.Created = time.UnixMilli(created)
		all = append(all, d)
	}
	return all, rows.Err()
}

// Results lists what arrived under the buying deals of a job, oldest first.
func (s *Store) Results(ctx context.Context, job fog.JobID) ([]Result, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT r.deal,r.idx,r.attempt,r.output,r.work,r.level,r.engine,r.sig,r.state,r.amount,r.created
		FROM result r JOIN deal d ON d.id=r.deal WHERE d.job=? AND d.role='buyer' ORDER BY r.created`, job[:])
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	defer rows.Close()
	var all []Result
	for rows.Next() {
		var x Result
		var work, created int64
		r := &x.Receipt
		if err := rows.Scan(blob{r.Deal[:]}, &x.Index, &r.Attempt, blob{r.Result[:]}, &work, &r.Level, &x.Engine, blob{r.Sig[:]}, &x.State,
			blob{x.Amount[:]}, &created); err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
		r.Work, x.Created = uint64(work), time.UnixMilli(created)
		all = append(all, x)
	}
	return all, rows.Err()
}

// Verdict is what was decided about a result.
type Verdict struct {
	Deal    fog.DealID
	Index   uint32
	Attempt uint32
	OK      bool
	Drawn   bool       // it was re-run here because it was drawn
	Amount  fog.Amount // owed for it, before the fee; zero if not OK
	Voucher fog.Voucher
	At      time.Time
}

// Judge records a verdict and, when it is good, the voucher that pays for it:
// both or neither, so that nothing is paid twice.
func (s *Store) Judge(ctx context.Context, v Verdict) error {
	state := "rejected"
	if v.OK {
		state = "accepted"
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		if !v.OK { // what was promised before stays promised
			_, err := tx.ExecContext(ctx, "UPDATE result SET state=? WHERE deal=? AND idx=? AND attempt=?", state, v.Deal[:], v.Index, v.Attempt)
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE result SET state=?, amount=?, drawn=? WHERE deal=? AND idx=? AND attempt=?",
			state, v.Amount[:], sql.NullInt64{Int64: millis(v.At), Valid: v.Drawn}, v.Deal[:], v.Index, v.Attempt); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, putVoucher, voucherRow(Buyer, v.Voucher, v.At)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("journal verdict: %w", err)
	}
	return nil
}

// Passed counts the results of a seller that were drawn and found right from
// one moment to another, without it; none if it ever delivered a wrong one, also
// if that was the last thing written before a crash.
func (s *Store) Passed(ctx context.Context, seller fog.Address, from, to time.Time) (n int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT CASE WHEN EXISTS (SELECT 1 FROM deal WHERE seller=?1 AND role='buyer' AND state='caught')
		OR EXISTS (SELECT 1 FROM deal d JOIN result r ON r.deal=d.id WHERE d.seller=?1 AND d.role='buyer' AND r.state='rejected') THEN 0 ELSE
		(SELECT count(*) FROM deal d JOIN result r ON r.deal=d.id
			WHERE d.seller=?1 AND d.role='buyer' AND r.drawn>=?2 AND r.drawn<?3 AND r.state='accepted') END`, seller[:], millis(from), millis(to)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read record: %w", err)
	}
	return n, nil
}

// putVoucher keeps the higher of two vouchers.
const putVoucher = `INSERT INTO voucher(role,buyer,seller,epoch,total,sig,updated) VALUES(?,?,?,?,?,?,?)
	ON CONFLICT DO UPDATE SET total=excluded.total, sig=excluded.sig, updated=excluded.updated WHERE excluded.total > voucher.total`

func voucherRow(role Role, v fog.Voucher, at time.Time) []any {
	return []any{string(role), v.Buyer[:], v.Seller[:], v.Epoch, v.Total[:], v.Sig[:], millis(at)}
}

// PutVoucher keeps the highest voucher of a (buyer, seller, epoch) that this
// node was given, and what it added to the one before.
func (s *Store) PutVoucher(ctx context.Context, v fog.Voucher, at time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		var had fog.Amount
		err := tx.QueryRowContext(ctx, voucherTotal, string(Seller), v.Buyer[:], v.Seller[:], v.Epoch).Scan(blob{had[:]})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		added, err := v.Total.Sub(had)
		if err != nil || added.IsZero() {
			return nil //nolint:nilerr // an older one: what is there stays
		}
		if _, err := tx.ExecContext(ctx, putVoucher, voucherRow(Seller, v, at)...); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO earning(at,buyer,amount) VALUES(?,?,?)", millis(at), v.Buyer[:], added[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("journal voucher: %w", err)
	}
	return nil
}

// Earned sums what vouchers have promised this node since a moment, before the
// fee.
func (s *Store) Earned(ctx context.Context, since time.Time) (sum fog.Amount, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT amount FROM earning WHERE at>=?", millis(since))
	if err != nil {
		return sum, fmt.Errorf("read earnings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a fog.Amount
		if err := rows.Scan(blob{a[:]}); err != nil {
			return sum, fmt.Errorf("read earnings: %w", err)
		}
		sum = sum.Add(a)
	}
	return sum, rows.Err()
}

const voucherTotal = "SELECT total FROM voucher WHERE role=? AND buyer=? AND seller=? AND epoch=?"

// Vouchers lists the vouchers this node holds as a seller.
func (s *Store) Vouchers(ctx context.Context) ([]fog.Voucher, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT buyer,seller,epoch,total,sig FROM voucher WHERE role='seller'")
	if err != nil {
		return nil, fmt.Errorf("read vouchers: %w", err)
	}
	defer rows.Close()
	var all []fog.Voucher
	for rows.Next() {
		var v fog.Voucher
		if err := rows.Scan(blob{v.Buyer[:]}, blob{v.Seller[:]}, &v.Epoch, blob{v.Total[:]}, blob{v.Sig[:]}); err != nil {
			return nil, fmt.Errorf("read vouchers: %w", err)
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// VoucherTotal is the highest total promised so far, zero if none.
func (s *Store) VoucherTotal(ctx context.Context, role Role, buyer, seller fog.Address, epoch uint32) (fog.Amount, error) {
	var total fog.Amount
	err := s.db.QueryRowContext(ctx, voucherTotal, string(role), buyer[:], seller[:], epoch).Scan(blob{total[:]})
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

// Facts are the facts of the same type as like, in the order in which they were
// added, as JSON.
func (s *Store) Facts(ctx context.Context, like fog.Fact) ([][]byte, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM fact WHERE kind=? ORDER BY seq", fmt.Sprintf("%T", like))
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	defer rows.Close()
	var all [][]byte
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("read facts: %w", err)
		}
		all = append(all, b)
	}
	return all, rows.Err()
}
