package buyer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/pay"
	"sonm/engine/proof"
	"sonm/engine/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inFog runs do in a fog of its own, in fake time; the seed is printed with
// every failure.
func inFog(t *testing.T, seed uint64, do func(t *testing.T, f *fogtest.Fog)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, err := fogtest.New(t.Context(), fogtest.Config{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		}()
		defer f.Stop()
		do(t, f)
	})
}

// sell starts one seller for each role, named by its position.
func sell(t *testing.T, f *fogtest.Fog, roles ...fogtest.Role) []*fogtest.Seller {
	t.Helper()
	all := make([]*fogtest.Seller, len(roles))
	for i, r := range roles {
		var err error
		if all[i], err = f.Sell(fogtest.SellerConfig{Name: fmt.Sprintf("%d %s", i, r.Name), Role: r}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func snm(s string) fog.Amount {
	a, err := fog.ParseAmount(s)
	if err != nil {
		panic(err)
	}
	return a
}

// buy does a job that has to succeed, and checks what always holds.
func buy(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, w fogtest.Work) fogtest.Done {
	t.Helper()
	d, err := b.Do(t.Context(), w)
	if err != nil {
		t.Fatalf("job: %v", err)
	}
	checkSums(t, f, b, d)
	checkOrder(t, f, b)
	return d
}

func rightFilm(t *testing.T, d fogtest.Done) {
	t.Helper()
	if !d.Film.Complete() || d.Film.Hash() != d.Truth.Hash() {
		t.Errorf("film %s (complete: %v), want %s", d.Film.Hash().Short(), d.Film.Complete(), d.Truth.Hash().Short())
	}
}

// checkSums holds for every finished first job of a buyer: money adds up to the
// last digit between verdicts, vouchers, the settlement and the escrow, and
// every task counts once.
func checkSums(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, d fogtest.Done) {
	t.Helper()
	seller, owed := dealsOf(f, b), map[fog.Address]fog.Amount{}
	for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
		if v.OK == v.Amount.IsZero() {
			t.Errorf("verdict %+v: paid and OK disagree", v)
		}
		owed[seller[v.Deal]] = owed[seller[v.Deal]].Add(v.Amount)
	}
	var spent, fees fog.Amount
	tasks := 0
	for _, s := range d.Shares {
		tasks += s.Tasks
		if got := b.Journal.Promised(s.Seller); got != owed[s.Seller] {
			t.Errorf("vouchers to %v add up to %s, verdicts to %s", s.Seller, got, owed[s.Seller])
		}
		net, fee, err := pay.Fee(owed[s.Seller], f.Chain.Fee())
		if err != nil {
			t.Fatal(err)
		}
		spent, fees = spent.Add(owed[s.Seller]), fees.Add(fee)
		if s.Paid != net || f.Chain.Owned(s.Seller) != net {
			t.Errorf("%v was paid %s and owns %s, want %s", s.Seller, s.Paid, f.Chain.Owned(s.Seller), net)
		}
	}
	for _, s := range seller { // whoever holds a promise is in the sums, caught or not
		if i := slices.IndexFunc(d.Shares, func(x buyer.Share) bool { return x.Seller == s }); i < 0 && !owed[s].IsZero() {
			t.Errorf("%v was promised %s and has no share", s, owed[s])
		}
	}
	if all := f.Chain.Free(b.Keys.Account()).Add(f.Chain.Paid()).Add(f.Chain.Fees()); all != d.Before {
		t.Errorf("what is left, was paid and was kept as fees adds up to %s of %s", all, d.Before)
	}
	if d.Spent != spent || d.Fee != fees {
		t.Errorf("spent %s, fee %s; vouchers say %s and %s", d.Spent, d.Fee, spent, fees)
	}
	if left, err := d.Before.Sub(d.Spent); err != nil || f.Chain.Free(b.Keys.Account()) != left {
		t.Errorf("%s left of %s after spending %s", f.Chain.Free(b.Keys.Account()), d.Before, d.Spent)
	}
	if refunded, err := d.Locked.Sub(d.Spent); err != nil || d.Spent.Add(refunded) != d.Locked || d.Locked != d.Offer.Max {
		t.Errorf("spent %s of %s locked", d.Spent, d.Locked)
	}
	if tasks != len(d.Plan.Tasks) {
		t.Errorf("the sellers' tasks add up to %d, the job has %d", tasks, len(d.Plan.Tasks))
	}
	if r := b.Journal.Reserved(); !r.IsZero() {
		t.Errorf("%s SNM are still reserved", r)
	}
}

func dealsOf(f *fogtest.Fog, b *fogtest.Buyer) map[fog.DealID]fog.Address {
	m := map[fog.DealID]fog.Address{}
	for _, w := range fogtest.Find[fogtest.WroteDeal](f.Trace, b.Peer, fogtest.Wrote) {
		m[w.Deal.ID()] = w.Deal.Seller
	}
	return m
}

// caught reports whether the buyer said that the peer delivered something wrong.
func caught(f *fogtest.Fog, b *fogtest.Buyer, peer fog.PeerID) bool {
	return len(strikes(f, b, peer)) > 0
}

func strikes(f *fogtest.Fog, b *fogtest.Buyer, peer fog.PeerID) (why []string) {
	const wrong = "It delivered a wrong result: "
	for _, x := range fogtest.Find[fog.SellerLost](f.Trace, b.Peer, fogtest.Told) {
		if x.Peer == peer && len(x.Reason) > len(wrong) && x.Reason[:len(wrong)] == wrong {
			why = append(why, x.Reason)
		}
	}
	return why
}

// checkOrder walks the trace: what is promised is on disk before it is on the
// wire, and the secret of the checks is told by the close and not before.
func checkOrder(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer) {
	t.Helper()
	jobs, signed := map[fog.JobID]buyer.Record{}, map[fog.DealID]bool{}
	vouchers, receipts := map[fog.Voucher]bool{}, map[fog.Receipt]bool{}
	seller, account, passed := dealsOf(f, b), accounts(f, b), map[fog.Address]bool{}
	for i, s := range f.Trace.Steps() {
		switch x := s.What.(type) {
		case fog.TaskChecked:
			if x.OK {
				passed[account[x.Peer]] = true
			}
		case buyer.Record:
			jobs[x.ID] = x
		case fogtest.WroteDeal:
			signed[x.Deal.ID()] = true
		case buyer.Verdict:
			vouchers[x.Voucher] = true
			if x.OK && jobs[x.Job].Check > 0 && !passed[seller[x.Deal]] {
				t.Fatalf("step %d: task %d is promised before its seller passed a check", i, x.Index)
			}
		case fogtest.WroteTaken:
			vouchers[x.Voucher] = true
		case fogtest.WroteResult:
			receipts[x.Receipt] = true
		case wire.Propose:
			r, known := jobs[x.Deal.Job]
			if s.Peer == b.Peer && (!known || !signed[x.Deal.ID()] || x.Deal.Secret != proof.Commitment(r.Secret)) {
				t.Fatalf("step %d: a deal is proposed before job and deal are on disk, or without the secret's commitment", i)
			}
		case wire.Voucher:
			if s.Kind == fogtest.Sent && !vouchers[x.Voucher] {
				t.Fatalf("step %d: a voucher of %s is sent before it is on disk", i, x.Voucher.Total)
			}
		case wire.Close:
			if s.Peer == b.Peer && !tellsSecret(jobs, x.Secret) {
				t.Fatalf("step %d: close tells another secret than the job's", i)
			}
		}
	}
}

// accounts are the accounts of the peers that deals were struck with.
func accounts(f *fogtest.Fog, b *fogtest.Buyer) map[fog.PeerID]fog.Address {
	m := map[fog.PeerID]fog.Address{}
	for _, w := range fogtest.Find[fogtest.WroteDeal](f.Trace, b.Peer, fogtest.Wrote) {
		m[w.Peer] = w.Deal.Seller
	}
	return m
}

func tellsSecret(jobs map[fog.JobID]buyer.Record, secret fog.Hash) bool {
	for _, r := range jobs {
		if r.Secret == secret {
			return true
		}
	}
	return false
}

func TestAnHonestFogRendersAndPaysExactly(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%d sellers, seed %d", n, seed), func(t *testing.T) {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, make([]fogtest.Role, n)...)
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{})
					rightFilm(t, d)
					if len(d.Shares) != n {
						t.Errorf("%d sellers took part, want %d", len(d.Shares), n)
					}
					for _, s := range sellers {
						if got, want := s.Journal.Taken(b.Keys.Account()).Total, b.Journal.Promised(s.Keys.Account()); got != want || got.IsZero() {
							t.Errorf("seller %s holds vouchers of %s, the buyer gave %s", s.Peer, got, want)
						}
					}
				})
			})
		}
	}
}

func contextWithin(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

func isDeserted(err error) bool { return errors.Is(err, buyer.ErrDeserted) }
