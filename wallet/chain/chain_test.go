package chain_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sonm/wallet/chain"
)

var network = chain.Network{
	ChainID: chain.PracticeMin + 1, RPC: "http://chain.invalid", Practice: true,
	Token: common.Address{1}, Escrow: common.Address{2},
}

// answers is an endpoint in memory: what each method returns. An answer that
// is an error is one of the endpoint's; raw text is sent as it is.
type answers map[string]func(params []json.RawMessage) any

type raw string

// endpoint is the transport of an HTTP client whose far side is answers.
type endpoint struct {
	mu     sync.Mutex
	with   answers  // guarded by mu
	called []string // methods, in order; guarded by mu
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	var ask struct {
		ID     json.RawMessage   `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.called = append(e.called, ask.Method)
	answer := e.with[ask.Method]
	e.mu.Unlock()
	body := map[string]any{"jsonrpc": "2.0", "id": ask.ID}
	var got any = errors.New("the method does not exist")
	if answer != nil {
		got = answer(ask.Params)
	}
	switch got := got.(type) {
	case raw:
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(got))), Request: r}, nil
	case *http.Response:
		got.Request = r
		return got, nil
	case refusal:
		return nil, errors.New(string(got))
	case error:
		body["error"] = map[string]any{"code": -32000, "message": got.Error()}
	default:
		body["result"] = got
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
}

// refusal is a connection that fails.
type refusal string

func always(v any) func([]json.RawMessage) any { return func([]json.RawMessage) any { return v } }

func header(baseFee int64) *types.Header {
	return &types.Header{Number: big.NewInt(9), Difficulty: new(big.Int), BaseFee: big.NewInt(baseFee), GasLimit: 30_000_000}
}

// honest answers as a chain should on which each transaction is mined at once.
func honest() answers {
	return answers{
		"eth_chainId":               always(hexutil.Uint64(network.ChainID)),
		"eth_getTransactionCount":   always(hexutil.Uint64(4)),
		"eth_estimateGas":           always(hexutil.Uint64(50_000)),
		"eth_getBlockByNumber":      always(header(7)),
		"eth_maxPriorityFeePerGas":  always(hexutil.Uint64(1)),
		"eth_getBalance":            always((*hexutil.Big)(big.NewInt(1e18))),
		"eth_sendRawTransaction":    always(common.Hash{}),
		"eth_getTransactionReceipt": mined,
	}
}

func mined(params []json.RawMessage) any {
	var id common.Hash
	if err := json.Unmarshal(params[0], &id); err != nil {
		return err
	}
	return &types.Receipt{Status: 1, TxHash: id, GasUsed: 40_000, BlockNumber: big.NewInt(9), Logs: []*types.Log{}}
}

type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

func (s signer) Address() common.Address { return crypto.PubkeyToAddress(s.key.PublicKey) }

func (s signer) SignTx(_ context.Context, tx *types.Transaction, id uint64) (*types.Transaction, error) {
	return types.SignTx(tx, types.LatestSignerForChainID(new(big.Int).SetUint64(id)), s.key)
}

func client(t *testing.T, e *endpoint, o chain.Outbox, s signer) *chain.Client {
	t.Helper()
	c, err := chain.New(chain.Config{Network: network, HTTP: &http.Client{Transport: e}, Signer: s, Outbox: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func send(t *testing.T, c *chain.Client) error {
	t.Helper()
	_, err := c.Send(t.Context(), chain.Tx{Purpose: "test", To: common.Address{7}})
	return err
}

func TestHonestEndpoint(t *testing.T) {
	e := &endpoint{with: honest()}
	box := &chain.MemoryOutbox{}
	c := client(t, e, box, newSigner(t))
	if err := send(t, c); err != nil {
		t.Fatal(err)
	}
	if got := c.GasUsed()["test"]; got != 40_000 {
		t.Errorf("gas %d", got)
	}
	if left, _ := box.Pending(t.Context()); len(left) != 0 {
		t.Errorf("left in the outbox: %v", left)
	}
}

func TestLyingEndpoints(t *testing.T) {
	other := network
	other.ChainID++
	cases := map[string]struct {
		method string
		answer any
		want   error
	}{
		"base fee of 10^15":     {"eth_getBlockByNumber", header(1e15), chain.ErrFee},
		"tip of 10^15":          {"eth_maxPriorityFeePerGas", hexutil.Uint64(1e15), chain.ErrFee},
		"gas of a whole block":  {"eth_estimateGas", hexutil.Uint64(30_000_000), chain.ErrFee},
		"no coins":              {"eth_getBalance", hexutil.Uint64(5), chain.ErrFunds},
		"a web page":            {"eth_chainId", raw("<html>captive portal</html>"), chain.ErrUnreachable},
		"nothing":               {"eth_getTransactionCount", raw(""), chain.ErrUnreachable},
		"cut off":               {"eth_getBalance", raw(`{"jsonrpc":"2.0","id":1,"result":"0x`), chain.ErrUnreachable},
		"endless":               {"eth_getBalance", raw(`{"jsonrpc":"2.0","id":1,"result":"` + strings.Repeat("0", 9<<20) + `"}`), chain.ErrUnreachable},
		"no connection":         {"eth_chainId", refusal("connection refused"), chain.ErrUnreachable},
		"elsewhere":             {"eth_chainId", &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://elsewhere.invalid"}}, Body: http.NoBody}, chain.ErrUnreachable},
		"a receipt of another":  {"eth_getTransactionReceipt", &types.Receipt{Status: 1, TxHash: common.Hash{9}, BlockNumber: big.NewInt(1), Logs: []*types.Log{}}, chain.ErrAnswer},
		"replaced by another":   {"eth_sendRawTransaction", errors.New("nonce too low: next nonce 9, tx nonce 4"), nil},
		"a balance of 300 bits": {"eth_getBalance", "0x" + strings.Repeat("f", 75), chain.ErrUnreachable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			with := honest()
			with[c.method] = always(c.answer)
			e := &endpoint{with: with}
			err := send(t, client(t, e, nil, newSigner(t)))
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("Send = %v, want %v", err, c.want)
			}
			if errors.Is(c.want, chain.ErrFee) {
				for _, m := range e.called {
					if m == "eth_sendRawTransaction" {
						t.Error("it was sent all the same")
					}
				}
			}
		})
	}
}

func TestWrongChain(t *testing.T) {
	with := honest()
	with["eth_chainId"] = always(hexutil.Uint64(1))
	e := &endpoint{with: with}
	var wrong *chain.WrongChainError
	if err := send(t, client(t, e, nil, newSigner(t))); !errors.As(err, &wrong) || wrong.Got != "1" {
		t.Errorf("Send = %v, want a WrongChainError", err)
	}
	if len(e.called) != 1 {
		t.Errorf("went on with %v", e.called)
	}
}

// spy notes the order of things: saved, sent, final.
type spy struct {
	chain.MemoryOutbox
	note func(string)
}

func (s *spy) Save(ctx context.Context, r chain.Record) error {
	s.note("saved")
	return s.MemoryOutbox.Save(ctx, r)
}

func (s *spy) Final(ctx context.Context, id common.Hash) error {
	s.note("final")
	return s.MemoryOutbox.Final(ctx, id)
}

func TestATransactionIsKeptBeforeItIsSent(t *testing.T) {
	var order []string
	note := func(s string) { order = append(order, s) }
	with := honest()
	with["eth_sendRawTransaction"] = func([]json.RawMessage) any { note("sent"); return common.Hash{} }
	if err := send(t, client(t, &endpoint{with: with}, &spy{note: note}, newSigner(t))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "saved sent final" {
		t.Errorf("order %q", got)
	}
}

func TestALostTransactionIsSentAgainAsItWas(t *testing.T) {
	box, s := &chain.MemoryOutbox{}, newSigner(t)
	with := honest()
	with["eth_sendRawTransaction"] = always(refusal("connection reset"))
	with["eth_getTransactionReceipt"] = always(nil)
	ctx, cancel := context.WithCancel(t.Context())
	e := &endpoint{with: with}
	with["eth_getTransactionReceipt"] = func([]json.RawMessage) any { cancel(); return nil } // the program ends while it waits
	if _, err := client(t, e, box, s).Send(ctx, chain.Tx{Purpose: "test", To: common.Address{7}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Send = %v, want canceled", err)
	}
	left, _ := box.Pending(t.Context())
	if len(left) != 1 || left[0].Nonce != 4 || left[0].Purpose != "test" {
		t.Fatalf("outbox %+v", left)
	}

	var sent []byte
	with = honest()
	with["eth_getTransactionReceipt"] = func(p []json.RawMessage) any {
		if sent == nil {
			return nil
		}
		return mined(p)
	}
	with["eth_sendRawTransaction"] = func(p []json.RawMessage) any {
		var b hexutil.Bytes
		if err := json.Unmarshal(p[0], &b); err != nil {
			return err
		}
		sent = b
		return common.Hash{}
	}
	c := client(t, &endpoint{with: with}, box, s)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sent, left[0].Raw) {
		t.Error("another transaction was sent")
	}
	if err := c.Rebroadcast(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, _ := box.Pending(t.Context()); len(left) != 0 {
		t.Errorf("outbox after its receipt: %+v", left)
	}
}

func TestAReplacedTransactionIsForgotten(t *testing.T) {
	box, s := &chain.MemoryOutbox{}, newSigner(t)
	tx, err := s.SignTx(t.Context(), types.NewTx(&types.DynamicFeeTx{ChainID: new(big.Int).SetUint64(network.ChainID)}), network.ChainID)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []chain.Record{
		{ID: tx.Hash(), ChainID: network.ChainID, From: s.Address(), Raw: raw},
		{ID: common.Hash{1}, ChainID: network.ChainID + 1, From: s.Address(), Raw: []byte("another network's")},
	} {
		if err := box.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	with := honest()
	with["eth_getTransactionReceipt"] = always(nil)
	with["eth_sendRawTransaction"] = always(errors.New("nonce too low"))
	if err := client(t, &endpoint{with: with}, box, s).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, _ := box.Pending(t.Context())
	if len(left) != 1 || left[0].ID != (common.Hash{1}) {
		t.Errorf("outbox %+v, want only the other network's", left)
	}
}

func TestNoncesAreNeverUsedTwice(t *testing.T) {
	var mu sync.Mutex
	seen := map[uint64]int{}
	with := honest()
	with["eth_sendRawTransaction"] = func(p []json.RawMessage) any {
		var b hexutil.Bytes
		var tx types.Transaction
		if err := errors.Join(json.Unmarshal(p[0], &b), tx.UnmarshalBinary(b)); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		seen[tx.Nonce()]++
		return tx.Hash()
	}
	c := client(t, &endpoint{with: with}, nil, newSigner(t)) // says nonce 4 every time: a stale endpoint
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := send(t, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for n := uint64(4); n < 12; n++ {
		if seen[n] != 1 {
			t.Errorf("nonce %d was used %d times: %v", n, seen[n], seen)
		}
	}
}

func TestBadNetworkDescriptions(t *testing.T) {
	for name, change := range map[string]func(*chain.Network){
		"no id":                   func(n *chain.Network) { n.ChainID = 0 },
		"real money as practice":  func(n *chain.Network) { n.ChainID = 1 },
		"practice as real money":  func(n *chain.Network) { n.Practice = false },
		"a file":                  func(n *chain.Network) { n.RPC = "file:///etc/passwd" },
		"no host":                 func(n *chain.Network) { n.RPC = "http://" },
		"no token":                func(n *chain.Network) { n.Token = common.Address{} },
		"token and escrow in one": func(n *chain.Network) { n.Escrow = n.Token },
		"a fee of 3 %":            func(n *chain.Network) { n.FeeBPS = 300 },
		"too many peers":          func(n *chain.Network) { n.Bootstrap = make([]string, 65) },
	} {
		n := network
		change(&n)
		if err := n.Check(); !errors.Is(err, chain.ErrNetwork) {
			t.Errorf("%s: %v, want ErrNetwork", name, err)
		}
	}
	if err := network.Check(); err != nil {
		t.Error(err)
	}
}
