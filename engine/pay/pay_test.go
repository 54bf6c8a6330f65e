package pay_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/pay"
)

var (
	buyer = fog.Address{0xb}
	ann   = fog.Address{1}
	bob   = fog.Address{2}
	job1  = fog.JobID{1}
	job2  = fog.JobID{2}
)

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestVouchersAreCumulativeOverJobs(t *testing.T) {
	b := pay.NewBook(buyer, 7)
	for _, j := range []fog.JobID{job1, job2} {
		if err := b.Open(j, fog.Wei(100)); err != nil {
			t.Fatal(err)
		}
	}
	owe := func(j fog.JobID, s fog.Address, n, total uint64) {
		t.Helper()
		v := must[fog.Voucher](t)(b.Owe(j, s, fog.Wei(n)))
		if want := (fog.Voucher{Buyer: buyer, Seller: s, Epoch: 7, Total: fog.Wei(total)}); v != want {
			t.Errorf("voucher %+v, want %+v", v, want)
		}
	}
	owe(job1, ann, 60, 60)
	owe(job2, ann, 10, 70)
	owe(job1, bob, 40, 40)
	owe(job1, bob, 0, 40)
	if _, err := b.Owe(job1, ann, fog.Wei(1)); !errors.Is(err, pay.ErrCap) {
		t.Errorf("a wei above the cap: %v", err)
	}
	if b.JobSpent(job1) != fog.Wei(100) || b.JobLeft(job1) != fog.Wei(0) || b.JobLeft(job2) != fog.Wei(90) {
		t.Errorf("spent %v, left %v and %v", b.JobSpent(job1), b.JobLeft(job1), b.JobLeft(job2))
	}
	if got, want := b.JobPaid(job1), []pay.Total{{Seller: ann, Amount: fog.Wei(60)}, {Seller: bob, Amount: fog.Wei(40)}}; !reflect.DeepEqual(got, want) {
		t.Errorf("paid %v, want %v", got, want)
	}
	if err := b.Close(job1); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Owe(job1, ann, fog.Wei(0)); !errors.Is(err, pay.ErrJob) {
		t.Errorf("a closed job owes: %v", err)
	}
	if vs := b.Vouchers(); len(vs) != 2 || vs[0].Total != fog.Wei(70) || vs[1].Total != fog.Wei(40) {
		t.Errorf("vouchers after the close: %+v", vs)
	}
	if err := b.Close(job1); !errors.Is(err, pay.ErrJob) {
		t.Errorf("closed twice: %v", err)
	}
	if err := b.Open(job2, fog.Wei(1)); !errors.Is(err, pay.ErrExists) {
		t.Errorf("opened twice, with another cap: %v", err)
	}
}

func TestTotalsFitTheContract(t *testing.T) {
	most := must[fog.Amount](t)(fog.AmountOf(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))))
	var huge fog.Amount
	for i := range huge {
		huge[i] = 0xff
	}
	b := pay.NewBook(buyer, 0)
	if err := b.Open(job1, huge); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Owe(job1, ann, huge); !errors.Is(err, pay.ErrRange) {
		t.Errorf("2^256-1: %v", err)
	}
	must[fog.Voucher](t)(b.Owe(job1, ann, most))
	if _, err := b.Owe(job1, ann, fog.Wei(1)); !errors.Is(err, pay.ErrRange) {
		t.Errorf("2^96: %v", err)
	}
	if b.JobSpent(job1) != most {
		t.Errorf("a refusal changed the book: %v", b.JobSpent(job1))
	}
}

// TestNoJobEverPassesItsCap drives a book at random, restarts it from its
// snapshot now and then, and keeps its own sums beside it.
func TestNoJobEverPassesItsCap(t *testing.T) {
	r := seeded(t)
	for range 50 {
		b := pay.NewBook(buyer, 1)
		caps, spent := map[fog.JobID]uint64{}, map[fog.JobID]uint64{}
		totals := map[fog.Address]uint64{}
		refused := 0
		for range 300 {
			j, s := fog.JobID{byte(r.IntN(3))}, fog.Address{byte(r.IntN(4))}
			switch r.IntN(12) {
			case 0:
				limit := r.Uint64N(1000)
				_, open := caps[j]
				if err := b.Open(j, fog.Wei(limit)); (err != nil) != open {
					t.Fatalf("open: %v, was open %v", err, open)
				}
				if !open {
					caps[j], spent[j] = limit, 0
				}
			case 1:
				_, open := caps[j]
				if err := b.Close(j); (err == nil) != open {
					t.Fatalf("close: %v, was open %v", err, open)
				}
				delete(caps, j)
				delete(spent, j)
			case 2:
				state := b.Snapshot()
				b = must[*pay.Book](t)(pay.Restore(state))
				if again := b.Snapshot(); !reflect.DeepEqual(state, again) {
					t.Fatalf("restored %+v, want %+v", again, state)
				}
			default:
				n := r.Uint64N(120)
				limit, open := caps[j]
				v, err := b.Owe(j, s, fog.Wei(n))
				if want := open && spent[j]+n <= limit; (err == nil) != want {
					t.Fatalf("owe %d with %d of %d spent: %v", n, spent[j], limit, err)
				}
				if err != nil {
					refused++
					continue
				}
				spent[j] += n
				totals[s] += n
				if v.Total != fog.Wei(totals[s]) || b.JobSpent(j) != fog.Wei(spent[j]) {
					t.Fatalf("total %v, job %v; want %d, %d", v.Total, b.JobSpent(j), totals[s], spent[j])
				}
			}
		}
		if refused == 0 {
			t.Error("no step ever met a cap")
		}
	}
}

func TestRestoreRefusesWhatCannotBe(t *testing.T) {
	total := func(s fog.Address, n uint64) pay.Total { return pay.Total{Seller: s, Amount: fog.Wei(n)} }
	var huge fog.Amount
	huge[0] = 1
	for name, s := range map[string]pay.State{
		"above the cap": {Totals: []pay.Total{total(ann, 5)}, Jobs: []pay.JobState{{Job: job1, Cap: fog.Wei(4), Paid: []pay.Total{total(ann, 5)}}}},
		"total too low": {Totals: []pay.Total{total(ann, 4)}, Jobs: []pay.JobState{{Job: job1, Cap: fog.Wei(9), Paid: []pay.Total{total(ann, 5)}}}},
		"no total":      {Jobs: []pay.JobState{{Job: job1, Cap: fog.Wei(9), Paid: []pay.Total{total(ann, 5)}}}},
		"seller twice":  {Totals: []pay.Total{total(ann, 4), total(ann, 4)}},
		"paid twice":    {Totals: []pay.Total{total(ann, 9)}, Jobs: []pay.JobState{{Job: job1, Cap: fog.Wei(9), Paid: []pay.Total{total(ann, 1), total(ann, 1)}}}},
		"job twice":     {Jobs: []pay.JobState{{Job: job1}, {Job: job1}}},
		"too large":     {Totals: []pay.Total{{Seller: ann, Amount: huge}}},
	} {
		if _, err := pay.Restore(s); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
}

func TestLedger(t *testing.T) {
	v := func(n uint64) fog.Voucher {
		return fog.Voucher{Buyer: buyer, Seller: ann, Epoch: 3, Total: fog.Wei(n), Sig: fog.Signature{byte(n)}}
	}
	l := pay.NewLedger(v(100))
	l.Deliver(fog.Wei(30))
	if l.Exposure() != fog.Wei(30) {
		t.Errorf("exposure %v after one delivery", l.Exposure())
	}
	if added, err := l.Take(v(120)); err != nil || added != fog.Wei(20) || l.Exposure() != fog.Wei(10) {
		t.Errorf("added %v, %v, exposure %v", added, err, l.Exposure())
	}
	if added, err := l.Take(v(120)); err != nil || !added.IsZero() {
		t.Errorf("the same again: %v, %v", added, err)
	}
	if _, err := l.Take(v(119)); !errors.Is(err, pay.ErrStale) || l.Best() != v(120) {
		t.Errorf("stale: %v, best %v", err, l.Best().Total)
	}
	for name, change := range map[string]func(v *fog.Voucher){
		"buyer":  func(v *fog.Voucher) { v.Buyer[0]++ },
		"seller": func(v *fog.Voucher) { v.Seller[0]++ },
		"epoch":  func(v *fog.Voucher) { v.Epoch++ },
		"range":  func(v *fog.Voucher) { v.Total[0] = 1 },
	} {
		w := v(130)
		change(&w)
		if _, err := l.Take(w); err == nil || l.Best() != v(120) {
			t.Errorf("%s: %v, best %v", name, err, l.Best())
		}
	}
	if _, err := l.Take(v(200)); err != nil || !l.Exposure().IsZero() || l.Earned() != fog.Wei(100) || l.Delivered() != fog.Wei(30) {
		t.Errorf("paid ahead: %v, exposure %v, earned %v", err, l.Exposure(), l.Earned())
	}
	fresh := pay.NewLedger(fog.Voucher{Buyer: buyer, Seller: ann, Epoch: 3})
	if _, err := fresh.Take(v(0)); err != nil || fresh.Best() != v(0) {
		t.Errorf("a first voucher over nothing: %v", err)
	}
}

func TestFee(t *testing.T) {
	for _, c := range []struct {
		due      uint64
		bps      uint32
		net, fee uint64
	}{{0, 200, 0, 0}, {49, 200, 49, 0}, {50, 200, 49, 1}, {9999, 1, 9999, 0}, {10000, 1, 9999, 1}, {10001, 199, 9802, 199}, {777, 0, 777, 0}} {
		net, fee, err := pay.Fee(fog.Wei(c.due), c.bps)
		if err != nil || net != fog.Wei(c.net) || fee != fog.Wei(c.fee) {
			t.Errorf("fee of %d at %d = %v + %v, %v; want %d + %d", c.due, c.bps, net, fee, err, c.net, c.fee)
		}
	}
	if _, _, err := pay.Fee(fog.Wei(1), 201); err == nil {
		t.Error("a fee above 2 % is taken")
	}
	r := seeded(t)
	for range 1000 {
		var due fog.Amount
		for i := range due {
			due[i] = byte(r.Uint32())
		}
		net, fee, err := pay.Fee(due, r.Uint32N(pay.MaxFeeBps+1))
		if err != nil || net.Add(fee) != due {
			t.Fatalf("fee of %v = %v + %v, %v", due, net, fee, err)
		}
	}
}
