package wallet_test

import (
	"errors"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"sonm/wallet"
	"sonm/wallet/chain"
)

var offline = wallet.Network{
	ChainID: chain.PracticeMin + 3, RPC: "http://127.0.0.1:1", Practice: true,
	Token: wallet.Address{1}, Escrow: wallet.Address{2},
}

func TestAPeersSignatures(t *testing.T) {
	ctx := t.Context()
	peer, me := open(t, offline, t.TempDir()), open(t, offline, t.TempDir())
	d, dsig, err := peer.Delegation(ctx)
	must(t, err)
	receipt := wallet.Receipt{Work: 5}
	sig := get[wallet.Signature](t)(peer.SignReceipt(ctx, receipt))
	must(t, me.VerifyBy(receipt, sig, peer.Account(), d, dsig))
	must(t, me.Verify(receipt, sig, peer.Device()))
	if err := me.Verify(receipt, sig, peer.Account()); !errors.Is(err, wallet.ErrSignature) {
		t.Errorf("a device's signature taken for the account's: %v", err)
	}

	changed := receipt
	changed.Work++
	if err := me.VerifyBy(changed, sig, peer.Account(), d, dsig); !errors.Is(err, wallet.ErrSignature) {
		t.Errorf("a changed receipt: %v", err)
	}
	wide := d
	wide.Cap = new(big.Int).Add(d.Cap, big.NewInt(1))
	if err := me.VerifyDelegation(wide, dsig, wallet.PurposeReceipt); !errors.Is(err, wallet.ErrDelegation) {
		t.Errorf("a widened delegation: %v", err)
	}
	if err := me.VerifyBy(receipt, sig, me.Account(), d, dsig); !errors.Is(err, wallet.ErrDelegation) {
		t.Errorf("another's delegation: %v", err)
	}
	if err := me.VerifyDelegation(d, dsig, 1<<6); !errors.Is(err, wallet.ErrDelegation) {
		t.Errorf("a purpose it does not grant: %v", err)
	}
	other := offline
	other.ChainID++
	if err := open(t, other, t.TempDir()).VerifyDelegation(d, dsig, wallet.PurposeReceipt); !errors.Is(err, wallet.ErrDelegation) {
		t.Errorf("a delegation of another chain: %v", err)
	}
	later, err := wallet.Open(wallet.Config{
		Dir: t.TempDir(), Network: offline, Dial: (&net.Dialer{}).DialContext,
		Now: func() time.Time { return time.Now().Add(91 * 24 * time.Hour) },
	})
	must(t, err)
	if err := later.VerifyDelegation(d, dsig, wallet.PurposeReceipt); !errors.Is(err, wallet.ErrDelegation) {
		t.Errorf("a delegation that ended: %v", err)
	}
}

func TestADelegationIsRenewedInTime(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	at := func(after time.Duration) wallet.Delegation {
		w, err := wallet.Open(wallet.Config{
			Dir: dir, Network: offline, Dial: (&net.Dialer{}).DialContext,
			Now: func() time.Time { return now.Add(after) },
		})
		must(t, err)
		d, _, err := w.Delegation(t.Context())
		must(t, err)
		return d
	}
	first := at(0)
	if same := at(80 * 24 * time.Hour); same.Expiry != first.Expiry {
		t.Errorf("renewed after 80 days of 90")
	}
	if next := at(84 * 24 * time.Hour); next.Expiry <= first.Expiry {
		t.Error("not renewed six days before its end")
	}
}

func TestADeviceThatHasSpentMuchIsGrantedAnew(t *testing.T) {
	n, stop := serve(t, t.TempDir())
	defer stop()
	ctx, home := t.Context(), t.TempDir()
	w, err := wallet.Open(wallet.Config{Dir: home, Network: n, Dial: (&net.Dialer{}).DialContext, DelegationCap: snm(t, "10")})
	must(t, err)
	defer w.Close()
	other := funded(t, n)
	must(t, w.EnsureFunded(ctx))
	must(t, w.EnsureDeposit(ctx, snm(t, "100")))
	must(t, w.EnsureDelegated(ctx))
	v := wallet.Voucher{Buyer: w.Account(), Seller: other.Account(), Total: snm(t, "8")}
	sig := get[wallet.Signature](t)(w.SignVoucher(ctx, v))
	get[wallet.Settlement](t)(other.Redeem(ctx, v, sig))
	must(t, w.EnsureDelegated(ctx))
	d := get[wallet.Device](t)(w.EscrowDevice(ctx, w.Account(), w.Device()))
	equal(t, "cap", d.Cap, snm(t, "18"))
	v.Total = snm(t, "17")
	sig = get[wallet.Signature](t)(w.SignVoucher(ctx, v))
	s := get[wallet.Settlement](t)(other.Redeem(ctx, v, sig))
	equal(t, "paid on the new grant", new(big.Int).Add(s.Payments[0].Net, s.Payments[0].Fee), snm(t, "9"))
}

func TestManyAtOnce(t *testing.T) {
	n, stop := serve(t, t.TempDir())
	defer stop()
	w, to := funded(t, n), open(t, n, t.TempDir())
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := w.Transfer(t.Context(), to.Account(), big.NewInt(7)); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := w.EnsureDeposit(t.Context(), snm(t, "20")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	equal(t, "received", get[*big.Int](t)(to.Balance(t.Context())), big.NewInt(42))
	equal(t, "deposited once", get[*big.Int](t)(w.EscrowBalance(t.Context(), w.Account())), snm(t, "20"))
}
