package devnet_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
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

// transfer is a signed transfer of one wei from key.
func transfer(t *testing.T, n chain.Network, key *ecdsa.PrivateKey, nonce uint64, fee int64) hexutil.Bytes {
	t.Helper()
	id := new(big.Int).SetUint64(n.ChainID)
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(fee), Gas: 21000, To: &someone, Value: big.NewInt(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// awaited polls until the transaction is in a block.
func awaited(t *testing.T, c *rpc.Client, id common.Hash) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for call[*types.Receipt](t, c, "eth_getTransactionReceipt", id) == nil {
		select {
		case <-tick.C:
		case <-time.After(10 * time.Second):
			t.Fatalf("%v is in no block", id)
		}
	}
	return time.Since(began)
}

func funded(t *testing.T, c *rpc.Client) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	call[devnet.Grant](t, c, "sonm_fund", crypto.PubkeyToAddress(key.PublicKey))
	return key
}

func TestATransactionIsMinedAtOnce(t *testing.T) {
	n, stop := start(t, t.TempDir())
	defer stop()
	c := dial(t, n)
	key := funded(t, c)
	for nonce := range uint64(3) {
		id := call[common.Hash](t, c, "eth_sendRawTransaction", transfer(t, n, key, nonce, 1e10))
		t.Logf("in a block after %v", awaited(t, c, id))
	}
}

// The library's own loop mines empty blocks for ever while such a one waits.
func TestATransactionThatPaysTooLittleDoesNotSpinTheChain(t *testing.T) {
	n, stop := start(t, t.TempDir())
	defer stop()
	c := dial(t, n)
	stingy, other := funded(t, c), funded(t, c)
	before := call[hexutil.Uint64](t, c, "eth_blockNumber")
	call[common.Hash](t, c, "eth_sendRawTransaction", transfer(t, n, stingy, 0, 1))
	for nonce := range uint64(5) {
		awaited(t, c, call[common.Hash](t, c, "eth_sendRawTransaction", transfer(t, n, other, nonce, 1e10)))
	}
	if after := call[hexutil.Uint64](t, c, "eth_blockNumber"); after > before+12 { // one each, and an empty one each
		t.Errorf("%d blocks for five transactions", after-before)
	}
}

// Osaka has the P-256 precompile; Amsterdam would charge five times as much
// for a new storage slot. eth_config names the fork.
func TestTheForkIsOsaka(t *testing.T) {
	n, stop := start(t, t.TempDir())
	defer stop()
	c := dial(t, n)
	var cfg struct {
		Current struct {
			Precompiles map[string]common.Address `json:"precompiles"`
		} `json:"current"`
		Next json.RawMessage `json:"next"`
	}
	if err := c.CallContext(t.Context(), &cfg, "eth_config"); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Current.Precompiles) == 0 || (len(cfg.Next) > 0 && string(cfg.Next) != "null") {
		t.Errorf("eth_config = %+v, next %s", cfg.Current, cfg.Next)
	}
	if _, ok := cfg.Current.Precompiles["P256VERIFY"]; !ok {
		t.Errorf("no P-256 precompile: %v", cfg.Current.Precompiles)
	}
}

// A first start that is cut short between the two deployments goes on.
func TestManyStartsAndStops(t *testing.T) {
	dir := t.TempDir()
	var first chain.Network
	for i := range 4 {
		n, stop := start(t, dir)
		if i == 0 {
			first = n
		}
		c := dial(t, n)
		for _, at := range []common.Address{n.Token, n.Escrow} {
			if code := call[hexutil.Bytes](t, c, "eth_getCode", at, "latest"); len(code) == 0 {
				t.Errorf("start %d: nothing at %v", i, at)
			}
		}
		funded(t, c)
		stop()
		if n.Escrow != first.Escrow || n.ChainID != first.ChainID {
			t.Errorf("start %d: %+v, first %+v", i, n, first)
		}
	}
}

func TestAForeignFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{`{"chain_id":1}`, `{"chain_id":1337}`, `{`, `[]`, ``} {
		if err := os.WriteFile(filepath.Join(dir, "network.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := devnet.Serve(t.Context(), devnet.Config{Dir: dir}); err == nil {
			t.Errorf("served %q", text)
		}
	}
}
