package devnet_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"sonm/wallet/chain"
	"sonm/wallet/devnet"
)

// start serves dir until stop is called.
func start(t *testing.T, dir string) (n chain.Network, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan chain.Network, 1), make(chan error, 1)
	go func() {
		ended <- devnet.Serve(ctx, devnet.Config{
			Dir: dir, Bootstrap: func(chain.Network) ([]string, error) { return []string{"/ip4/127.0.0.1/tcp/1"}, nil },
			Ready: func(n chain.Network) { ready <- n },
		})
	}()
	select {
	case n = <-ready:
	case err := <-ended:
		t.Fatalf("Serve ended: %v", err)
	}
	return n, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v", err)
		}
	}
}

func dial(t *testing.T, n chain.Network) *rpc.Client {
	t.Helper()
	c, err := rpc.DialContext(t.Context(), n.RPC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func call[T any](t *testing.T, c *rpc.Client, method string, args ...any) T {
	t.Helper()
	var v T
	if err := c.CallContext(t.Context(), &v, method, args...); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return v
}

var someone = common.HexToAddress("0x00000000000000000000000000000000000000Aa")

func TestANewNetworkIsDescribedAndSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	began := time.Now()
	n, stop := start(t, dir)
	t.Logf("first start in %v", time.Since(began))
	if err := n.Check(); err != nil {
		t.Fatal(err)
	}
	c := dial(t, n)
	if got := call[chain.Network](t, c, "sonm_network"); got.Escrow != n.Escrow || got.ChainID != n.ChainID ||
		len(got.Bootstrap) != 1 || !got.Practice || got.FeeBPS != 100 {
		t.Errorf("sonm_network = %+v, want %+v", got, n)
	}
	if g := call[devnet.Grant](t, c, "sonm_fund", someone); g.Already || g.Coins != "1000000000000000000" {
		t.Errorf("first sonm_fund = %+v", g)
	}
	if g := call[devnet.Grant](t, c, "sonm_fund", someone); !g.Already {
		t.Errorf("second sonm_fund = %+v", g)
	}
	head := call[string](t, c, "eth_blockNumber")
	stop()

	began = time.Now()
	again, stop := start(t, dir)
	defer stop()
	t.Logf("second start in %v", time.Since(began))
	if again.ChainID != n.ChainID || again.Genesis != n.Genesis || again.Token != n.Token || again.Escrow != n.Escrow {
		t.Errorf("after a restart %+v, before %+v", again, n)
	}
	c = dial(t, again)
	if got := call[string](t, c, "eth_blockNumber"); got != head {
		t.Errorf("head %s after a restart, %s before", got, head)
	}
	if got := call[string](t, c, "eth_getBalance", someone, "latest"); got != "0xde0b6b3a7640000" {
		t.Errorf("balance %s, want one coin", got)
	}
	if g := call[devnet.Grant](t, c, "sonm_fund", someone); !g.Already {
		t.Error("a restart forgot whom it had funded")
	}
}

func TestTwoNetworksDiffer(t *testing.T) {
	a, stop := start(t, t.TempDir())
	defer stop()
	b, stop := start(t, t.TempDir())
	defer stop()
	if a.ChainID == b.ChainID || a.Genesis == b.Genesis || a.ChainID == 1337 {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestOneProcessPerFolder(t *testing.T) {
	dir := t.TempDir()
	_, stop := start(t, dir)
	defer stop()
	if err := devnet.Serve(t.Context(), devnet.Config{Dir: dir}); !errors.Is(err, devnet.ErrBusy) {
		t.Errorf("second Serve = %v, want ErrBusy", err)
	}
}

func TestOnlyOurMethodsAreServed(t *testing.T) {
	n, stop := start(t, t.TempDir())
	defer stop()
	c := dial(t, n)
	for _, method := range []string{"debug_setHead", "admin_nodeInfo", "miner_setGasPrice", "dev_addWithdrawal", "personal_listAccounts"} {
		if err := c.CallContext(t.Context(), new(json.RawMessage), method); err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%s: %v, want refused", method, err)
		}
	}
	for _, to := range []common.Address{{}, n.Token, n.Escrow, devnet.Faucet()} {
		if err := c.CallContext(t.Context(), new(json.RawMessage), "sonm_fund", to); err == nil {
			t.Errorf("funded %v", to)
		}
	}
}

func TestAnyHostNameIsAnswered(t *testing.T) {
	n, stop := start(t, t.TempDir())
	defer stop()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.RPC,
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "seller.example"
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %v", resp.Status)
	}
}
