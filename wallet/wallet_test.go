package wallet_test

import (
	"context"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"

	"sonm/wallet"
	"sonm/wallet/chain"
	"sonm/wallet/devnet"
)

// serve runs a practice chain over dir until stop.
func serve(t *testing.T, dir string) (n wallet.Network, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan wallet.Network, 1), make(chan error, 1)
	go func() {
		ended <- devnet.Serve(ctx, devnet.Config{Dir: dir, Ready: func(n chain.Network) { ready <- n }})
	}()
	select {
	case n = <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("practice chain: %v", err)
	}
	return n, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("practice chain: %v", err)
		}
	}
}

func open(t *testing.T, n wallet.Network, dir string) *wallet.Wallet {
	t.Helper()
	w, err := wallet.Open(wallet.Config{Dir: dir, Network: n, Dial: (&net.Dialer{}).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// funded is a new wallet with its first money.
func funded(t *testing.T, n wallet.Network) *wallet.Wallet {
	t.Helper()
	w := open(t, n, t.TempDir())
	must(t, w.EnsureFunded(t.Context()))
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// snm is a sum in wei.
func snm(t *testing.T, s string) *big.Int {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q", s)
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil)))
	if !r.IsInt() {
		t.Fatalf("%q has too many decimals", s)
	}
	return new(big.Int).Set(r.Num())
}

func equal(t *testing.T, what string, got, want *big.Int) {
	t.Helper()
	if got.Cmp(want) != 0 {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestAJobIsPaidToTheLastWei(t *testing.T) {
	n, stop := serve(t, t.TempDir())
	defer stop()
	ctx := t.Context()
	buyer, stranger := funded(t, n), funded(t, n)
	sellers := []*wallet.Wallet{open(t, n, t.TempDir()), open(t, n, t.TempDir()), open(t, n, t.TempDir())}

	must(t, buyer.EnsureDeposit(ctx, snm(t, "100")))
	must(t, buyer.EnsureDelegated(ctx))
	must(t, buyer.EnsureDelegated(ctx)) // once is enough
	account := get[wallet.Account](t)(buyer.EscrowAccount(ctx, buyer.Account()))
	equal(t, "escrow", account.Balance, snm(t, "100"))

	// A seller brings a voucher the device signed.
	first := wallet.Voucher{Buyer: buyer.Account(), Seller: sellers[0].Account(), Epoch: account.Epoch, Total: big.NewInt(1_000_099)}
	sig := get[wallet.Signature](t)(buyer.SignVoucher(ctx, first))
	paid := get[wallet.Settlement](t)(stranger.Redeem(ctx, first, sig))
	if len(paid.Payments) != 1 || paid.Payments[0].Seller != sellers[0].Account() {
		t.Fatalf("payments %+v", paid.Payments)
	}
	equal(t, "net", paid.Payments[0].Net, big.NewInt(990_099)) // 1 % of 1,000,099 is 10,000, rounded down
	equal(t, "fee", paid.Payments[0].Fee, big.NewInt(10_000))

	// The rest is one batch, signed by the device and brought by a stranger.
	totals := []*big.Int{snm(t, "3.000000000000000001"), snm(t, "2.5"), big.NewInt(99)}
	var payees []wallet.Payee
	for i, s := range sellers {
		payees = append(payees, wallet.Payee{Seller: s.Account(), Total: totals[i]})
	}
	batch := wallet.Batch{Buyer: buyer.Account(), Epoch: account.Epoch, Payees: get[[]byte](t)(wallet.PackPayees(payees))}
	sig = get[wallet.Signature](t)(buyer.SignBatch(ctx, batch))
	done := get[wallet.Settlement](t)(stranger.SettleBatch(ctx, batch, sig))
	if len(done.Payments) != 3 || len(done.Short) != 0 {
		t.Fatalf("settlement %+v", done)
	}
	spent, fees := big.NewInt(1_000_099), big.NewInt(10_000)
	for i, p := range done.Payments {
		spent.Add(spent, p.Net).Add(spent, p.Fee)
		fees.Add(fees, p.Fee)
		fee := new(big.Int).Div(totals[i], big.NewInt(100))
		if i > 0 {
			equal(t, "fee", p.Fee, fee)
			equal(t, "seller", get[*big.Int](t)(buyer.BalanceOf(ctx, sellers[i].Account())), new(big.Int).Sub(totals[i], fee))
		}
		equal(t, "paid to", get[*big.Int](t)(buyer.PaidTo(ctx, buyer.Account(), account.Epoch, sellers[i].Account())), totals[i])
	}
	equal(t, "left", get[*big.Int](t)(buyer.EscrowBalance(ctx, buyer.Account())), new(big.Int).Sub(snm(t, "100"), spent))
	equal(t, "device spent", get[wallet.Device](t)(buyer.EscrowDevice(ctx, buyer.Account(), buyer.Device())).Spent, spent)
	equal(t, "in the contract", get[*big.Int](t)(buyer.BalanceOf(ctx, n.Escrow)),
		new(big.Int).Add(fees, new(big.Int).Sub(snm(t, "100"), spent)))

	// Twice pays nothing more.
	again := get[wallet.Settlement](t)(stranger.SettleBatch(ctx, batch, sig))
	if len(again.Payments) != 0 {
		t.Errorf("settled twice: %+v", again.Payments)
	}
	if c := get[*big.Int](t)(sellers[0].Coins(ctx)); c.Sign() != 0 {
		t.Errorf("a seller needed coins: %v", c)
	}
	t.Logf("gas: buyer %v, redeem %d, settle 3 new sellers (1 returning) %d, settle nothing %d", buyer.GasUsed(), paid.Gas, done.Gas, again.Gas)
}

func TestTheBuyerSettlesWithoutASignature(t *testing.T) {
	n, stop := serve(t, t.TempDir())
	defer stop()
	ctx := t.Context()
	buyer := funded(t, n)
	must(t, buyer.EnsureDeposit(ctx, snm(t, "10")))
	for _, count := range []int{1, 3} {
		var payees []wallet.Payee
		for range count {
			payees = append(payees, wallet.Payee{Seller: open(t, n, t.TempDir()).Account(), Total: snm(t, "1")})
		}
		s := get[wallet.Settlement](t)(buyer.Settle(ctx, payees))
		for _, p := range s.Payments {
			equal(t, "net", p.Net, snm(t, "0.99"))
		}
		t.Logf("settle with %d new sellers: %d gas", count, s.Gas)
	}
	equal(t, "left", get[*big.Int](t)(buyer.EscrowBalance(ctx, buyer.Account())), snm(t, "6"))
	// More than there is: what is there is paid, the rest is named.
	s := get[wallet.Settlement](t)(buyer.Settle(ctx, []wallet.Payee{{Seller: buyer.Device(), Total: snm(t, "7")}}))
	if len(s.Short) != 1 || s.Short[0].Net.Cmp(snm(t, "1")) != 0 {
		t.Errorf("short %+v, want 1 SNM", s.Short)
	}
	t.Logf("gas by purpose: %v", buyer.GasUsed())
}

func TestMoneyThatIsNotThere(t *testing.T) {
	n, stop := serve(t, t.TempDir())
	defer stop()
	var missing *wallet.FundsError
	w := funded(t, n)
	if err := w.EnsureDeposit(t.Context(), snm(t, "1000.5")); !errors.As(err, &missing) || !errors.Is(err, wallet.ErrFunds) {
		t.Fatalf("EnsureDeposit = %v, want a FundsError", err)
	}
	equal(t, "missing", missing.Missing(), snm(t, "0.5"))
	poor := open(t, n, t.TempDir())
	if err := poor.Transfer(t.Context(), w.Account(), big.NewInt(0)); !errors.Is(err, chain.ErrFunds) {
		t.Errorf("Transfer without coins = %v, want ErrFunds", err)
	}
	must(t, w.EnsureDeposit(t.Context(), snm(t, "10")))
	must(t, w.EnsureDeposit(t.Context(), snm(t, "4"))) // there already
	equal(t, "balance", get[*big.Int](t)(w.Balance(t.Context())), snm(t, "990"))
}

func TestARestartKeepsMoneyAndKeys(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	n, stop := serve(t, dir)
	w := open(t, n, home)
	must(t, w.EnsureFunded(t.Context()))
	must(t, w.EnsureDeposit(t.Context(), snm(t, "12")))
	must(t, w.EnsureDelegated(t.Context()))
	before, sigBefore, err := w.Delegation(t.Context())
	must(t, err)
	stop()

	n, stop = serve(t, dir)
	defer stop()
	again := open(t, n, home)
	if again.Account() != w.Account() || again.Device() != w.Device() {
		t.Error("a restart changed the keys")
	}
	after, sigAfter, err := again.Delegation(t.Context())
	must(t, err)
	if sigAfter != sigBefore || after.Expiry != before.Expiry {
		t.Error("a restart changed the delegation")
	}
	must(t, again.EnsureDelegated(t.Context()))
	must(t, again.EnsureFunded(t.Context()))
	if gas := again.GasUsed(); len(gas) != 0 {
		t.Errorf("a restart cost %v", gas)
	}
	equal(t, "escrow", get[*big.Int](t)(again.EscrowBalance(t.Context(), w.Account())), snm(t, "12"))
	equal(t, "balance", get[*big.Int](t)(again.Balance(t.Context())), snm(t, "988"))
}

func TestAnotherChainIsRefused(t *testing.T) {
	a, stopA := serve(t, t.TempDir())
	defer stopA()
	b, stopB := serve(t, t.TempDir())
	defer stopB()
	lied := a
	lied.RPC = b.RPC
	w := open(t, lied, t.TempDir())
	var wrong *chain.WrongChainError
	if _, err := w.Balance(t.Context()); !errors.As(err, &wrong) {
		t.Errorf("Balance = %v, want a WrongChainError", err)
	}
	if _, err := chain.Describe(t.Context(), http.DefaultClient, a.RPC); err == nil {
		t.Error("a client without a transport of its own went out")
	}
	got, err := chain.Describe(t.Context(), &http.Client{Transport: &http.Transport{}}, a.RPC)
	if err != nil || got.ChainID != a.ChainID || got.Escrow != a.Escrow {
		t.Errorf("Describe = %+v, %v", got, err)
	}
}

func TestRefusalsAreWords(t *testing.T) {
	n, stop := serve(t, t.TempDir())
	defer stop()
	ctx := t.Context()
	buyer, seller := funded(t, n), funded(t, n)
	must(t, buyer.EnsureDeposit(ctx, snm(t, "10")))
	v := wallet.Voucher{Buyer: buyer.Account(), Seller: seller.Account(), Total: big.NewInt(5)}
	sig := get[wallet.Signature](t)(buyer.SignVoucher(ctx, v))
	var refused *chain.RevertError
	if _, err := seller.Redeem(ctx, v, sig); !errors.As(err, &refused) { // the device is not known yet
		t.Fatalf("Redeem = %v, want a RevertError", err)
	}
	if want := "the signature is neither the buyer's nor that of a device it lets pay"; refused.Reason != want {
		t.Errorf("reason %q, want %q", refused.Reason, want)
	}
	must(t, buyer.EnsureDelegated(ctx))
	if s := get[wallet.Settlement](t)(seller.Redeem(ctx, v, sig)); len(s.Payments) != 1 {
		t.Errorf("settlement %+v", s)
	}
	v.Epoch = 7
	sig = get[wallet.Signature](t)(buyer.SignVoucher(ctx, v))
	if _, err := seller.Redeem(ctx, v, sig); !errors.As(err, &refused) || refused.Reason != "the promise is of epoch 7, the buyer is in epoch 0" {
		t.Errorf("stale epoch: %v", err)
	}
	v.Total = snm(t, "10001")
	if _, err := buyer.SignVoucher(ctx, v); !errors.Is(err, wallet.ErrCap) {
		t.Errorf("above the cap: %v", err)
	}
	if _, err := seller.SignVoucher(ctx, v); err == nil {
		t.Error("signed a promise in another's name")
	}
}

func TestAnUnreachableChain(t *testing.T) {
	n, stop := serve(t, t.TempDir())
	stop()
	w := open(t, n, t.TempDir())
	if _, err := w.Balance(t.Context()); !errors.Is(err, wallet.ErrUnreachable) {
		t.Errorf("Balance = %v, want ErrUnreachable", err)
	}
}

func TestPublicNetworksNeedAnAccount(t *testing.T) {
	n := wallet.Network{ChainID: 1, RPC: "http://127.0.0.1:1", Token: wallet.Address{1}, Escrow: wallet.Address{2}}
	dir := t.TempDir()
	if _, err := wallet.Open(wallet.Config{Dir: dir, Network: n, Dial: (&net.Dialer{}).DialContext}); !errors.Is(err, wallet.ErrNoAccount) {
		t.Errorf("Open = %v, want ErrNoAccount", err)
	}
	n.Practice = true
	if _, err := wallet.Open(wallet.Config{Dir: dir, Network: n, Dial: (&net.Dialer{}).DialContext}); !errors.Is(err, chain.ErrNetwork) {
		t.Errorf("Open = %v, want ErrNetwork: chain 1 is nobody's practice", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("refusing left %v behind", left)
	}
}
