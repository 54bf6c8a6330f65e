package store_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sonm/app/store"
	"sonm/engine/fog"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func job(n byte, locked uint64) store.Job {
	return store.Job{
		ID: fog.JobID{n}, Settings: []byte("{}"), Locked: fog.Wei(locked), Path: "x.png", Created: time.Unix(1, 0),
		Specs: [][]byte{{1}, {2}}, Planned: []uint64{3, 4},
	}
}

func TestOnlyOpenJobsReserveMoney(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a b?#.db"))
	must(t, s.PutJob(t.Context(), job(1, 10)))
	must(t, s.PutJob(t.Context(), job(2, 5)))
	must(t, s.PutJob(t.Context(), job(3, 1)))
	must(t, s.JobSettled(t.Context(), store.Cost{Job: fog.JobID{2}, Spent: fog.Wei(4), Fee: fog.Wei(1)}))
	must(t, s.JobState(t.Context(), fog.JobID{3}, "failed"))
	if got, err := s.Reserved(t.Context()); err != nil || got != fog.Wei(10) {
		t.Errorf("Reserved() = %v, %v, want 10 wei", got, err)
	}
}

func TestAJobIsWrittenWholeOrNotAtAll(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	must(t, s.PutJob(t.Context(), job(1, 10)))
	if err := s.PutJob(t.Context(), job(1, 10)); err == nil {
		t.Error("the same job was written twice")
	}
	bad := job(2, 7)
	bad.Specs = [][]byte{{1}, nil} // a task without a spec breaks a rule of the table
	if err := s.PutJob(t.Context(), bad); err == nil {
		t.Fatal("a task without a spec was written")
	}
	if got, _ := s.Reserved(t.Context()); got != fog.Wei(10) {
		t.Errorf("Reserved() = %v after a refused job, want 10 wei", got)
	}
}

func TestAVoucherOnlyGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	v := fog.Voucher{Buyer: fog.Address{1}, Seller: fog.Address{2}, Epoch: 3}
	for _, total := range []uint64{5, 9, 7, 9} {
		v.Total = fog.Wei(total)
		must(t, s.PutVoucher(t.Context(), v, time.Now()))
	}
	must(t, s.Close())
	s = open(t, path)
	if got, err := s.VoucherTotal(t.Context(), store.Seller, v.Buyer, v.Seller, 3); err != nil || got != fog.Wei(9) {
		t.Errorf("VoucherTotal() = %v, %v, want 9 wei", got, err)
	}
	for _, c := range []struct {
		role  store.Role
		epoch uint32
	}{{store.Buyer, 3}, {store.Seller, 4}} {
		if got, err := s.VoucherTotal(t.Context(), c.role, v.Buyer, v.Seller, c.epoch); err != nil || !got.IsZero() {
			t.Errorf("VoucherTotal(%s, epoch %d) = %v, %v, want nothing", c.role, c.epoch, got, err)
		}
	}
}

func TestTheOutboxKeepsWhatIsNotFinal(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	for i, id := range []string{"a", "b", "c"} {
		must(t, s.SaveTx(t.Context(), store.Tx{ID: fog.ContentHash([]byte(id)), Purpose: "settle", Chain: 1 << 51, Nonce: uint64(9 - i), Raw: []byte(id)}))
	}
	must(t, s.SaveTx(t.Context(), store.Tx{ID: fog.ContentHash([]byte("a")), Purpose: "settle", Nonce: 9, Raw: []byte("other")})) // again: no error, no change
	must(t, s.FinalTx(t.Context(), fog.ContentHash([]byte("b"))))
	got, err := s.PendingTx(t.Context())
	must(t, err)
	if len(got) != 2 || string(got[0].Raw) != "c" || string(got[1].Raw) != "a" || got[1].Chain != 1<<51 {
		t.Errorf("PendingTx() = %+v, want c then a as first saved", got)
	}
}

func TestAResultNeedsItsDeal(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	d := fog.Deal{Job: fog.JobID{1}, Expiry: time.Unix(5, 0).UTC()}
	r := fog.Receipt{Deal: d.ID(), Attempt: 1}
	if err := s.PutResult(t.Context(), store.Result{Receipt: r, Created: time.Now()}); err == nil {
		t.Error("a result of an unknown deal was written")
	}
	must(t, s.PutDeal(t.Context(), store.Deal{Role: store.Seller, Peer: "peer", Deal: d, BuyerSig: fog.Signature{1}, Created: time.Now()}))
	must(t, s.PutResult(t.Context(), store.Result{Receipt: r, Created: time.Now()}))
	must(t, s.PutResult(t.Context(), store.Result{Receipt: r, Created: time.Now()}))
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	must(t, s.SetVersion(t.Context(), 99))
	must(t, s.Close())
	if s, err := store.Open(t.Context(), path); err == nil {
		s.Close()
		t.Error("it was opened")
	}
}

// A verdict and the voucher that pays for it are written together, and a job
// is read back as it was written.
func TestAnUnfinishedJobIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	j := job(1, 10)
	j.Ceiling, j.Check, j.Sellers, j.Scene = fog.Wei(7), 0.25, 3, "a.glb"
	must(t, s.PutJob(t.Context(), j))
	must(t, s.PutJob(t.Context(), job(2, 1)))
	must(t, s.JobState(t.Context(), fog.JobID{2}, "saved"))
	d := fog.Deal{Job: j.ID, Buyer: fog.Address{1}, Seller: fog.Address{2}, Price: fog.Wei(5), Expiry: time.Unix(5, 0).UTC()}
	must(t, s.PutDeal(t.Context(), store.Deal{Role: store.Buyer, Peer: "peer", Deal: d, BuyerSig: fog.Signature{1}, Created: time.Now()}))
	for i := range uint32(3) {
		r := fog.Receipt{Deal: d.ID(), Attempt: 1, Result: fog.Hash{byte(i)}, Work: 9, Sig: fog.Signature{byte(i)}}
		must(t, s.PutResult(t.Context(), store.Result{Index: i, Receipt: r, Engine: "wazero", Created: time.UnixMilli(int64(i))}))
	}
	v := fog.Voucher{Buyer: d.Buyer, Seller: d.Seller, Epoch: 4, Total: fog.Wei(45)}
	must(t, s.Judge(t.Context(), store.Verdict{Deal: d.ID(), Index: 0, Attempt: 1, OK: true, Amount: fog.Wei(45), Voucher: v, At: time.Now()}))
	must(t, s.Judge(t.Context(), store.Verdict{Deal: d.ID(), Index: 1, Attempt: 1, At: time.Now()}))
	must(t, s.Close())

	s = open(t, path)
	jobs, err := s.Unfinished(t.Context())
	must(t, err)
	if len(jobs) != 1 || jobs[0].ID != j.ID || jobs[0].Ceiling != j.Ceiling || jobs[0].Check != 0.25 || jobs[0].Sellers != 3 ||
		len(jobs[0].Specs) != 2 || jobs[0].Planned[1] != 4 || jobs[0].State != "open" {
		t.Errorf("Unfinished() = %+v", jobs)
	}
	deals, err := s.Deals(t.Context(), j.ID)
	must(t, err)
	if len(deals) != 1 || deals[0].Deal.ID() != d.ID() || deals[0].Peer != "peer" {
		t.Errorf("Deals() = %+v", deals)
	}
	results, err := s.Results(t.Context(), j.ID)
	must(t, err)
	if len(results) != 3 || results[0].State != "accepted" || results[0].Amount != fog.Wei(45) || results[1].State != "rejected" ||
		results[2].State != "done" || results[2].Receipt.Work != 9 || results[2].Engine != "wazero" {
		t.Errorf("Results() = %+v", results)
	}
	if got, _ := s.VoucherTotal(t.Context(), store.Buyer, d.Buyer, d.Seller, 4); got != fog.Wei(45) {
		t.Errorf("VoucherTotal() = %v, want 45 wei", got)
	}
}

// What vouchers added is summed by time, over buyers and epochs; an old voucher
// adds nothing.
func TestEarningsAreWhatVouchersAdded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	midnight := time.Date(2026, 5, 4, 0, 0, 0, 0, time.Local)
	for _, x := range []struct {
		buyer byte
		epoch uint32
		total uint64
		after time.Duration // midnight
	}{{1, 1, 5, -time.Hour}, {1, 1, 9, 0}, {1, 1, 7, time.Minute}, {1, 1, 9, time.Minute}, {2, 1, 30, time.Hour}, {1, 2, 100, 2 * time.Hour}} {
		v := fog.Voucher{Buyer: fog.Address{x.buyer}, Seller: fog.Address{9}, Epoch: x.epoch, Total: fog.Wei(x.total)}
		must(t, s.PutVoucher(t.Context(), v, midnight.Add(x.after)))
	}
	for _, c := range []struct {
		since time.Duration
		want  uint64
	}{{-24 * time.Hour, 139}, {0, 134}, {time.Hour, 130}, {2*time.Hour + 1, 100}, {3 * time.Hour, 0}} {
		if got, err := s.Earned(t.Context(), midnight.Add(c.since)); err != nil || got != fog.Wei(c.want) {
			t.Errorf("Earned since %v after midnight = %v, %v, want %d wei", c.since, got, err, c.want)
		}
	}
}

// A result that was paid and is found wrong afterwards was paid all the same.
func TestABadVerdictDoesNotUnpay(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	must(t, s.PutJob(t.Context(), job(1, 10)))
	d := fog.Deal{Job: fog.JobID{1}, Buyer: fog.Address{1}, Seller: fog.Address{2}}
	must(t, s.PutDeal(t.Context(), store.Deal{Role: store.Buyer, Peer: "p", Deal: d, Created: time.Unix(1, 0)}))
	r := fog.Receipt{Deal: d.ID(), Attempt: 1, Work: 5}
	must(t, s.PutResult(t.Context(), store.Result{Index: 1, Receipt: r, Engine: "wazero", Created: time.Unix(2, 0)}))
	v := store.Verdict{Deal: d.ID(), Index: 1, Attempt: 1, OK: true, Amount: fog.Wei(7), Voucher: fog.Voucher{Buyer: d.Buyer, Seller: d.Seller, Total: fog.Wei(7)}}
	must(t, s.Judge(t.Context(), v))
	must(t, s.Judge(t.Context(), store.Verdict{Deal: d.ID(), Index: 1, Attempt: 1}))
	got, err := s.Results(t.Context(), fog.JobID{1})
	must(t, err)
	if len(got) != 1 || got[0].State != "rejected" || got[0].Amount != fog.Wei(7) {
		t.Errorf("results %+v, want one that was rejected and cost 7 wei", got)
	}
}

// What this node delivered is owed for until it is paid; what it bought, or
// delivered long ago, is not among it.
func TestOwed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	deliver := func(role store.Role, job byte, buyer byte, index uint32, amount uint64, at int64) {
		t.Helper()
		d := fog.Deal{Job: fog.JobID{job}, Buyer: fog.Address{buyer}, Seller: fog.Address{9}, Ask: fog.OrderID{string(role)[0]}}
		must(t, s.PutDeal(t.Context(), store.Deal{Role: role, Peer: "p", Deal: d, Created: time.Unix(1, 0)}))
		r := fog.Receipt{Deal: d.ID(), Attempt: 1, Work: 5}
		must(t, s.PutResult(t.Context(), store.Result{Index: index, Receipt: r, Engine: "wazero", Amount: fog.Wei(amount), Created: time.Unix(at, 0)}))
	}
	deliver(store.Seller, 1, 1, 3, 30, 102)
	deliver(store.Seller, 1, 1, 4, 40, 101)
	deliver(store.Seller, 2, 2, 4, 50, 103)
	deliver(store.Seller, 1, 1, 5, 60, 99) // too long ago
	deliver(store.Seller, 1, 1, 6, 0, 104) // by an older program
	deliver(store.Buyer, 3, 7, 4, 0, 104)  // bought
	must(t, s.NotOwed(t.Context(), fog.JobID{1}, 4))
	must(t, s.NotOwed(t.Context(), fog.JobID{1}, 4))
	must(t, s.NotOwed(t.Context(), fog.JobID{3}, 4))
	must(t, s.Close())
	s = open(t, path)
	got, err := s.Owed(t.Context(), time.Unix(100, 0))
	must(t, err)
	want := []store.Debt{
		{Buyer: fog.Address{1}, Job: fog.JobID{1}, Index: 3, Amount: fog.Wei(30), Created: time.Unix(102, 0)},
		{Buyer: fog.Address{2}, Job: fog.JobID{2}, Index: 4, Amount: fog.Wei(50), Created: time.Unix(103, 0)},
	}
	if !slices.Equal(got, want) {
		t.Errorf("Owed() = %+v, want %+v", got, want)
	}
	bought, err := s.Results(t.Context(), fog.JobID{3})
	must(t, err)
	if len(bought) != 1 || bought[0].State != "done" {
		t.Errorf("bought %+v, want one that is not judged", bought)
	}
}

// A seller's record is what was drawn and right in a span of time, and gone with
// the first wrong result.
func TestPassed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	seller := fog.Address{2}
	day := func(n int) time.Time { return time.Unix(int64(n)*86400, 0) }
	deal := func(n byte, judged time.Time) fog.DealID {
		must(t, s.PutJob(t.Context(), job(n, 10)))
		d := fog.Deal{Job: fog.JobID{n}, Buyer: fog.Address{1}, Seller: seller}
		must(t, s.PutDeal(t.Context(), store.Deal{Role: store.Buyer, Peer: "p", Deal: d, Created: time.Unix(1, 0)}))
		for i := range uint32(4) {
			must(t, s.PutResult(t.Context(), store.Result{Index: i, Receipt: fog.Receipt{Deal: d.ID(), Attempt: 1, Work: 5}, Engine: "wazero"}))
		}
		for i := range uint32(3) {
			must(t, s.Judge(t.Context(), store.Verdict{Deal: d.ID(), Index: i, Attempt: 1, OK: true, Drawn: i < 2, At: judged}))
		}
		return d.ID()
	}
	passed := func(seller fog.Address, from, to, want int) {
		t.Helper()
		if n, err := s.Passed(t.Context(), seller, day(from), day(to)); err != nil || n != want {
			t.Errorf("Passed(%d to %d) = %d, %v; want %d", from, to, n, err, want)
		}
	}
	deal(1, day(10))
	second := deal(2, day(20))
	passed(seller, 0, 30, 4)
	passed(seller, 10, 20, 2) // with its begin, without its end
	passed(seller, 11, 30, 2)
	passed(seller, 21, 30, 0)
	passed(fog.Address{9}, 0, 30, 0)
	must(t, s.Judge(t.Context(), store.Verdict{Deal: second, Index: 3, Attempt: 1})) // and then the program died
	passed(seller, 0, 30, 0)

	seller = fog.Address{3}
	deal(4, day(10))
	passed(seller, 0, 30, 2)
	must(t, s.DealState(t.Context(), deal(5, day(20)), "caught"))
	passed(seller, 0, 30, 0)
}
