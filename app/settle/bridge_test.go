package settle_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"sonm/app/settle"
	"sonm/engine/fog"
	"sonm/wallet"
	"sonm/wallet/chain"
	"sonm/wallet/devnet"
)

// nothing is the journal of an account that never promised anything.
type nothing struct{}

func (nothing) Reserved(context.Context) (fog.Amount, error) { return fog.Amount{}, nil }

func (nothing) Promised(context.Context, fog.Address, fog.Address, uint32) (fog.Amount, error) {
	return fog.Amount{}, nil
}

// gone is a bridge to a practice chain that has stopped.
func gone(t *testing.T) *settle.Bridge {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan wallet.Network, 1), make(chan error, 1)
	go func() {
		ended <- devnet.Serve(ctx, devnet.Config{Dir: t.TempDir(), Ready: func(n chain.Network) { ready <- n }})
	}()
	var n wallet.Network
	select {
	case n = <-ready:
		stop()
		if err := <-ended; err != nil {
			t.Fatalf("practice chain: %v", err)
		}
	case err := <-ended:
		stop()
		t.Fatalf("practice chain: %v", err)
	}
	w, err := wallet.Open(wallet.Config{Dir: t.TempDir(), Network: n, Dial: (&net.Dialer{}).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	b, err := settle.NewBridge(t.Context(), w, nothing{}, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The roles tell a chain that does not answer from one that says no.
func TestAChainThatDoesNotAnswerIsErrChain(t *testing.T) {
	b := gone(t)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	over, end := context.WithCancel(t.Context())
	end()
	for name, call := range map[string]func(ctx context.Context) error{
		"lock":     func(ctx context.Context) error { _, err := b.Lock(ctx, fog.Wei(1)); return err },
		"promised": func(ctx context.Context) error { _, err := b.Promised(ctx, fog.Address{1}, 1); return err },
		"settle": func(ctx context.Context) error {
			_, err := b.Settle(ctx, []fog.Payee{{Seller: fog.Address{1}, Total: fog.Wei(1)}})
			return err
		},
		"redeem": func(ctx context.Context) error {
			_, err := b.Redeem(ctx, fog.Voucher{Buyer: fog.Address{1}, Seller: b.Account(), Total: fog.Wei(1)})
			return err
		},
		"covers": func(ctx context.Context) error {
			_, err := b.Covers(ctx, fog.Address{1}, fog.Address{2}, fog.Wei(1))
			return err
		},
	} {
		if err := call(t.Context()); !errors.Is(err, fog.ErrChain) || !errors.Is(err, wallet.ErrUnreachable) {
			t.Errorf("%s: %v, want ErrChain", name, err)
		}
		if err := call(late); !errors.Is(err, fog.ErrChain) {
			t.Errorf("%s, too late: %v, want ErrChain", name, err)
		}
		if name == "covers" {
			continue // whatever keeps a seller from asking is no fault of the buyer
		}
		if err := call(over); errors.Is(err, fog.ErrChain) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s, called off: %v, want %v and not ErrChain", name, err, context.Canceled)
		}
	}
}
