// Package chain talks to an EVM chain: it reads, and it sends transactions so
// that none is lost and none is sent twice.
//
// One Client owns the nonces of one account. A transaction is in the outbox
// before it is on the wire, and is sent again at the next start until it is
// final. Every byte goes through the dialer that is handed in; the endpoint is
// a stranger, so its answers are bounded and checked, and a fee or a chain id
// that cannot be right is refused before anything is signed.
package chain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

const (
	requestTime = 20 * time.Second // one request and its answer
	answerLimit = 8 << 20          // bytes of an answer; ours are a few KiB
)

// Signer signs transactions for one account. The keystore's accounts are such.
type Signer interface {
	Address() common.Address
	SignTx(ctx context.Context, tx *types.Transaction, chainID uint64) (*types.Transaction, error)
}

// Dial opens a connection: net.Dialer.DialContext, or a proxy's.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Config is what a Client needs.
type Config struct {
	Network Network
	HTTP    *http.Client // carries every request; or give Dial
	Dial    Dial         // used when HTTP is nil
	Signer  Signer       // nil: the client only reads
	Outbox  Outbox       // nil: a MemoryOutbox
	Log     *slog.Logger // nil discards
}

// Client speaks to one network for one account. It is safe for concurrent use.
type Client struct {
	network Network
	signer  Signer
	outbox  Outbox
	log     *slog.Logger
	eth     *ethclient.Client
	sending chan struct{} // holds one token: who has it owns the nonces

	mu      sync.Mutex
	checked bool              // the endpoint serves our chain; guarded by mu
	next    uint64            // least nonce not used yet; guarded by mu
	gas     map[string]uint64 // used, by purpose; guarded by mu
}

// New returns a client; nothing is sent yet.
func New(cfg Config) (*Client, error) {
	if err := cfg.Network.Check(); err != nil {
		return nil, err
	}
	web, err := bounded(cfg)
	if err != nil {
		return nil, err
	}
	nothing := context.Background() //nolint:forbidigo // New connects to nothing: over HTTP each request does, under its own ctx
	conn, err := rpc.DialOptions(nothing, cfg.Network.RPC, rpc.WithHTTPClient(web))
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", cfg.Network.RPC, err)
	}
	if cfg.Outbox == nil {
		cfg.Outbox = &MemoryOutbox{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		network: cfg.Network,
		signer:  cfg.Signer,
		outbox:  cfg.Outbox,
		log:     cfg.Log,
		eth:     ethclient.NewClient(conn),
		sending: make(chan struct{}, 1),
		gas:     map[string]uint64{},
	}, nil
}

// Close ends the client's connections.
func (c *Client) Close() { c.eth.Close() }

// Network is the description the client was made with.
func (c *Client) Network() Network { return c.network }

// Address of the account that sends; zero for a client that only reads.
func (c *Client) Address() common.Address {
	if c.signer == nil {
		return common.Address{}
	}
	return c.signer.Address()
}

// Coins is what an address has to pay gas with, in wei.
func (c *Client) Coins(ctx context.Context, a common.Address) (*big.Int, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	v, err := c.eth.BalanceAt(ctx, a, nil)
	if err != nil {
		return nil, explainError(err, nil)
	}
	return amount(v)
}

// Call asks a contract without sending a transaction.
func (c *Client) Call(ctx context.Context, to common.Address, data []byte, explain Explain) ([]byte, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	out, err := c.eth.CallContract(ctx, ethereum.CallMsg{From: c.Address(), To: &to, Data: data}, nil)
	if err != nil {
		return nil, explainError(err, explain)
	}
	return out, nil
}

// Time is the chain's own clock: that of its newest block.
func (c *Client) Time(ctx context.Context) (time.Time, error) {
	if err := c.check(ctx); err != nil {
		return time.Time{}, err
	}
	head, err := c.eth.HeaderByNumber(ctx, nil)
	if err != nil {
		return time.Time{}, explainError(err, nil)
	}
	return time.Unix(int64(min(head.Time, 1<<40)), 0), nil
}

// GasUsed is the gas of all transactions waited for, by purpose.
func (c *Client) GasUsed() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.gas)
}

// Fund asks a practice chain for the address's first money.
func (c *Client) Fund(ctx context.Context, a common.Address) error {
	if !c.network.Practice {
		return fmt.Errorf("%w: only a practice network gives money away", ErrNetwork)
	}
	if err := c.check(ctx); err != nil {
		return err
	}
	var grant struct{}
	return explainError(c.eth.Client().CallContext(ctx, &grant, "sonm_fund", a), nil)
}

// Describe asks the endpoint at url which practice network it serves. The
// answer is checked, and its RPC is url: that is how it was reached.
func Describe(ctx context.Context, web *http.Client, url string) (Network, error) {
	limited, err := bounded(Config{HTTP: web})
	if err != nil {
		return Network{}, err
	}
	conn, err := rpc.DialOptions(ctx, url, rpc.WithHTTPClient(limited))
	if err != nil {
		return Network{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer conn.Close()
	var n Network
	if err := conn.CallContext(ctx, &n, "sonm_network"); err != nil {
		return Network{}, explainError(err, nil)
	}
	n.RPC = url
	return n, n.Check()
}

// check makes sure, once, that the endpoint serves our chain.
func (c *Client) check(ctx context.Context) error {
	c.mu.Lock()
	done := c.checked
	c.mu.Unlock()
	if done {
		return nil
	}
	id, err := c.eth.ChainID(ctx)
	if err != nil {
		return explainError(err, nil)
	}
	want := strconv.FormatUint(c.network.ChainID, 10)
	if !id.IsUint64() || id.Uint64() != c.network.ChainID {
		return &WrongChainError{Got: id.String(), Want: want}
	}
	if zero := (common.Hash{}); c.network.Genesis != zero {
		first, err := c.eth.HeaderByNumber(ctx, new(big.Int))
		if err != nil {
			return explainError(err, nil)
		}
		if first.Hash() != c.network.Genesis {
			return &WrongChainError{Got: first.Hash().Hex(), Want: c.network.Genesis.Hex()}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked = true
	return nil
}

// amount refuses what cannot be a balance.
func amount(v *big.Int) (*big.Int, error) {
	if v == nil || v.Sign() < 0 || v.BitLen() > 256 {
		return nil, fmt.Errorf("%w: a balance of %v", ErrAnswer, v)
	}
	return v, nil
}

// bounded is the caller's HTTP client with limits: of time, of bytes, and no
// redirects, which would take a request elsewhere.
func bounded(cfg Config) (*http.Client, error) {
	web := http.Client{}
	switch {
	case cfg.HTTP != nil:
		web = *cfg.HTTP
	case cfg.Dial != nil:
		web.Transport = &http.Transport{DialContext: cfg.Dial, IdleConnTimeout: time.Minute}
	default:
		return nil, errors.New("no way out: neither an HTTP client nor a dialer was given")
	}
	next := web.Transport
	if next == nil {
		return nil, errors.New("no way out: the HTTP client has no transport of its own")
	}
	web.Transport = limitedTransport{next}
	web.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if web.Timeout == 0 {
		web.Timeout = requestTime
	}
	return &web, nil
}

// limitedTransport cuts answers off at answerLimit.
type limitedTransport struct{ next http.RoundTripper }

func (t limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, answerLimit), resp.Body}
	return resp, nil
}
