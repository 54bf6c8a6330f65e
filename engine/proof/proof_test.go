package proof_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/proof"
)

var output = []byte("pixels")

func pair() (fog.Lease, fog.Receipt) {
	l := fog.Lease{
		Deal: fog.DealID{1}, Task: fog.TaskID{2}, Index: 3, Attempt: 4,
		Spec: []byte("spec"), Planned: 1000,
	}
	return l, fog.Receipt{
		Deal: l.Deal, Task: l.Task, Attempt: 4, Spec: fog.ContentHash(l.Spec),
		Result: fog.ContentHash(output), Work: 1100, Level: 2,
	}
}

func TestCheckReceipt(t *testing.T) {
	l, r := pair()
	if err := proof.CheckReceipt(l, r, output); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(l *fog.Lease, r *fog.Receipt)
		want   error
	}{
		"deal":      {func(_ *fog.Lease, r *fog.Receipt) { r.Deal[5]++ }, proof.ErrLease},
		"task":      {func(_ *fog.Lease, r *fog.Receipt) { r.Task[5]++ }, proof.ErrLease},
		"attempt":   {func(_ *fog.Lease, r *fog.Receipt) { r.Attempt-- }, proof.ErrLease},
		"spec":      {func(l *fog.Lease, _ *fog.Receipt) { l.Spec = []byte("spek") }, proof.ErrSpec},
		"result":    {func(_ *fog.Lease, r *fog.Receipt) { r.Result[0]++ }, proof.ErrResult},
		"no work":   {func(_ *fog.Lease, r *fog.Receipt) { r.Work = 0 }, proof.ErrWork},
		"much work": {func(_ *fog.Lease, r *fog.Receipt) { r.Work = 1001 * 1024 }, proof.ErrWork},
		"all work":  {func(_ *fog.Lease, r *fog.Receipt) { r.Work = math.MaxUint64 }, proof.ErrWork},
	} {
		l, r := pair()
		c.change(&l, &r)
		if err := proof.CheckReceipt(l, r, output); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := proof.CheckReceipt(l, r, output[1:]); !errors.Is(err, proof.ErrResult) {
		t.Errorf("another output: %v", err)
	}
}

func TestJudge(t *testing.T) {
	_, r := pair()
	for name, c := range map[string]struct {
		again proof.Rerun
		says  string
	}{
		"same":   {proof.Rerun{Result: r.Result, Work: r.Work}, ""},
		"output": {proof.Rerun{Result: fog.Hash{1}, Work: r.Work}, "the output differs"},
		"work":   {proof.Rerun{Result: r.Result, Work: r.Work - 1}, "the work differs: 1100 units were claimed, a re-run counts 1099"},
	} {
		v := proof.Judge(r, c.again)
		if v.OK != (c.says == "") || !strings.HasPrefix(v.Reason, c.says) || v.Task != r.Task || v.Attempt != r.Attempt || v.Receipt != proof.ReceiptHash(r) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestReceiptHashBindsTheClaimAndNotTheSignature(t *testing.T) {
	_, r := pair()
	base := proof.ReceiptHash(r)
	signed := r
	signed.Sig[0] = 1
	if proof.ReceiptHash(signed) != base {
		t.Error("signing again draws again")
	}
	seen := map[fog.Hash]string{base: "nothing"}
	for name, change := range map[string]func(r *fog.Receipt){
		"deal": func(r *fog.Receipt) { r.Deal[0]++ }, "task": func(r *fog.Receipt) { r.Task[0]++ },
		"attempt": func(r *fog.Receipt) { r.Attempt++ }, "spec": func(r *fog.Receipt) { r.Spec[0]++ },
		"result": func(r *fog.Receipt) { r.Result[0]++ }, "work": func(r *fog.Receipt) { r.Work++ },
		"level": func(r *fog.Receipt) { r.Level++ },
	} {
		c := r
		change(&c)
		h := proof.ReceiptHash(c)
		if other, ok := seen[h]; ok {
			t.Errorf("a change of %s reads like one of %s", name, other)
		}
		seen[h] = name
	}
}

func TestSelectionKeepsItsRateAndCannotBeForetold(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const n = 20_000
	draw := func() (b [32]byte) {
		for i := 0; i < 32; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], r.Uint64())
		}
		return b
	}
	receipts := make([]fog.Hash, n)
	for i := range receipts {
		receipts[i] = draw()
	}
	for _, rate := range []float64{0.001, 0.02, 0.05, 0.5, 0.98} {
		one, two := draw(), draw()
		count, both := 0, 0
		for _, h := range receipts {
			a := proof.Selected(one, h, rate)
			if a != proof.Selected(one, h, rate) {
				t.Fatal("the same draw gave two answers")
			}
			if a && !proof.Selected(one, h, rate*1.01) {
				t.Fatal("a higher rate leaves out what a lower one takes")
			}
			if a {
				count++
			}
			if a && proof.Selected(two, h, rate) {
				both++
			}
		}
		within := func(what string, got int, p float64) {
			mean, dev := n*p, math.Sqrt(n*p*(1-p))
			if math.Abs(float64(got)-mean) > 5*dev+1 { // 5 sigma: 1 run in a million
				t.Errorf("rate %v: %s %d of %d, want %.0f +- %.0f", rate, what, got, n, mean, dev)
			}
		}
		within("selected", count, rate)
		within("selected by two secrets", both, rate*rate)
	}
	secret := draw()
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(-1)} {
		if proof.Selected(secret, receipts[0], rate) {
			t.Errorf("selected at rate %v", rate)
		}
	}
	for _, rate := range []float64{1, 2, math.Inf(1)} {
		if !proof.Selected(secret, receipts[0], rate) {
			t.Errorf("not selected at rate %v", rate)
		}
	}
	if proof.Commitment(secret) == fog.Hash(secret) || proof.Commitment(secret) == proof.Commitment(draw()) {
		t.Error("the commitment shows or does not bind the secret")
	}
}

func TestPlanChecks(t *testing.T) {
	for _, c := range []struct {
		rate           float64
		tasks, sellers int
		first          bool
		later          float64
	}{
		{0, 100, 3, false, 0},
		{-1, 100, 3, false, 0},
		{math.NaN(), 100, 3, false, 0},
		{1, 100, 3, true, 1},
		{2, 100, 3, true, 1},
		{0.05, 200, 5, true, 5.0 / 195},
		{0.05, 200, 10, true, 0.025}, // ten first results are all there is to spend, and nobody is to know
		{0.05, 200, 50, true, 0.025},
		{0.05, 8, 8, true, 0.025},
		{0.05, 1, 5, true, 0.025},
		{0.05, 200, 0, true, 0.05},
	} {
		got := proof.PlanChecks(c.rate, c.tasks, c.sellers)
		if got.First != c.first || math.Abs(got.Later-c.later) > 1e-12 {
			t.Errorf("PlanChecks(%v, %d, %d) = %+v, want %v and %v", c.rate, c.tasks, c.sellers, got, c.first, c.later)
		}
		rest := float64(c.tasks - c.sellers)
		total := float64(c.sellers) + got.Later*rest
		if want := max(c.rate*float64(c.tasks), float64(c.sellers)+c.rate/2*rest); c.rate > 0 && c.rate < 1 && rest > 0 && math.Abs(total-want) > 1e-9 {
			t.Errorf("PlanChecks(%v, %d, %d): %v checks in all, want %v", c.rate, c.tasks, c.sellers, total, want)
		}
	}
}

func TestFirstResultsAreDue(t *testing.T) {
	for rate, want := range map[float64][2]bool{0: {false, false}, 1e-9: {true, false}, 1: {true, true}} {
		c := proof.PlanChecks(rate, 100, 3)
		if got := [2]bool{c.Due([32]byte{1}, fog.Hash{2}, true), c.Due([32]byte{1}, fog.Hash{2}, false)}; got != want {
			t.Errorf("rate %v: the first is due: %v, a later one: %v; want %v", rate, got[0], got[1], want)
		}
	}
}

func TestPaid(t *testing.T) {
	const most = math.MaxUint64
	for _, c := range [][3]uint64{
		{0, 10, 0},
		{5, 10, 5},
		{20, 10, 20},
		{21, 10, 20},
		{most, 10, 20},
		{1, 0, 0},
		{most, most, most},
		{most, most / 2, most - 1},
		{7, most/2 + 1, 7},
	} {
		if got := proof.Paid(c[0], c[1]); got != c[2] {
			t.Errorf("Paid(%d, %d) = %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestSettledSellersAreCheckedLess(t *testing.T) {
	all := proof.PlanChecks(0.05, 1000, 2) // draws at 0.0481
	for _, c := range []struct {
		passed, tasks int
		want          float64
	}{
		{0, 1000, all.Later},
		{5, 1000, all.Later},
		{20, 1000, 0.025},
		{1000, 1000, 0.4 * all.Later},
		{1000, 250, 9.2 / 250},    // a liar is still met
		{1000, 100, all.Later},    // and the rate never rises
		{-1, 1000, all.Later},     // no record
		{1 << 40, 0, all.Later},   // no tasks
		{1, 1 << 20, all.Later},   // one says nothing
		{11, 1 << 20, 0.5 / 11.0}, // the eleventh does
	} {
		got := all.Settled(c.passed, c.tasks, 2)
		if !got.First || math.Abs(got.Later-c.want) > 1e-9 {
			t.Errorf("%d passed, %d tasks: %+v, want a rate of %v", c.passed, c.tasks, got, c.want)
		}
	}
	if got := proof.PlanChecks(1, 1000, 2).Settled(1000, 1000, 2); got.Later != 1 {
		t.Errorf("where everything is checked: %+v", got)
	}
	if got := proof.PlanChecks(0, 1000, 2).Settled(1000, 1000, 2); got != (proof.Checks{}) {
		t.Errorf("where nothing is checked: %+v", got)
	}
}
