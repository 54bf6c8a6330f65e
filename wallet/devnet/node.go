package devnet

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/ethclient"
	gethnode "github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/rpc"
)

// gasLimit of a block; Ethereum's own is above it.
const gasLimit = 30_000_000

// node is go-ethereum as a library, and the loop that makes blocks.
type node struct {
	chainID uint64
	stack   *gethnode.Node
	eth     *eth.Ethereum
	beacon  *catalyst.SimulatedBeacon
	apis    []rpc.API
	inner   *rpc.Server       // the same methods, for ourselves
	client  *ethclient.Client // over inner

	mining sync.Mutex // one block at a time

	syncing sync.Mutex
	synced  common.Hash // head that is on disk; guarded by syncing
}

func open(cfg Config) (*node, error) {
	id, err := chainID(cfg.Dir)
	if err != nil {
		return nil, err
	}
	stack, err := gethnode.New(&gethnode.Config{
		Name:              "sonm",
		DataDir:           filepath.Join(cfg.Dir, "chain"),
		P2P:               p2p.Config{NoDiscovery: true, NoDial: true}, // no peers: one process is the chain
		UseLightweightKDF: true,
	})
	if errors.Is(err, gethnode.ErrDatadirUsed) {
		return nil, ErrBusy
	}
	if err != nil {
		return nil, err
	}
	n := &node{chainID: id, stack: stack}
	if err := n.start(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *node) start() (err error) {
	cfg := settings(n.chainID)
	if n.eth, err = eth.New(n.stack, &cfg); err != nil {
		return err
	}
	if n.beacon, err = catalyst.NewSimulatedBeacon(0, common.Address{}, n.eth); err != nil {
		return err
	}
	if err := n.stack.Start(); err != nil {
		return err
	}
	system := filters.NewFilterSystem(n.eth.APIBackend, filters.Config{})
	all := append(n.eth.APIs(), rpc.API{Namespace: "eth", Service: filters.NewFilterAPI(system)})
	n.inner = rpc.NewServer()
	for _, a := range all {
		if a.Namespace != "eth" && a.Namespace != "net" {
			continue
		}
		n.apis = append(n.apis, a)
		if err := n.inner.RegisterName(a.Namespace, a.Service); err != nil {
			return err
		}
	}
	n.client = ethclient.NewClient(rpc.DialInProc(n.inner))
	return nil
}

func (n *node) close() error {
	if n.client != nil {
		n.client.Close()
		n.inner.Stop()
	}
	if err := n.stack.Close(); err != nil {
		return fmt.Errorf("close the chain: %w", err)
	}
	return nil
}

// settings keeps every state and takes little memory: the chain is small.
func settings(id uint64) ethconfig.Config {
	cfg := ethconfig.Defaults
	cfg.NetworkId = id
	cfg.SyncMode = ethconfig.FullSync
	cfg.NoPruning, cfg.StateScheme = true, rawdb.HashScheme // each block's state is written with it
	cfg.DatabaseCache, cfg.DatabaseHandles = 32, 64         // MiB, files
	cfg.TrieCleanCache, cfg.TrieDirtyCache, cfg.SnapshotCache = 16, 16, 0
	cfg.FilterLogCacheSize = 64
	// No index of logs: writing one takes most of the processor time of a start
	// and of a block, and a search through the blooms of so few blocks is quick.
	cfg.LogNoHistory = true
	cfg.Genesis = genesis(id)
	cfg.Miner.GasCeil = gasLimit
	cfg.Miner.GasPrice = big.NewInt(1) // the pool's own least: what the pool takes is mined
	return cfg
}

// genesis is Osaka from the first block, with the faucet's coins in it. The
// chain id is written into the extra field, so that no two networks share a
// genesis hash.
func genesis(id uint64) *core.Genesis {
	faucet := Faucet()
	g := core.DeveloperGenesisBlock(gasLimit, &faucet)
	forks := *g.Config
	forks.ChainID = new(big.Int).SetUint64(id)
	forks.AmsterdamTime, forks.BogotaTime = nil, nil
	forks.BPO1Time, forks.BPO2Time, forks.BPO3Time, forks.BPO4Time, forks.BPO5Time = nil, nil, nil, nil, nil
	g.Config = &forks
	g.ExtraData = forks.ChainID.Bytes()
	return g
}

// mine makes a block whenever transactions are waiting, until ctx ends.
func (n *node) mine(ctx context.Context) error {
	arrived := make(chan core.NewTxsEvent, 64)
	sub := n.eth.TxPool().SubscribeTransactions(arrived, true)
	defer sub.Unsubscribe()
	for {
		if err := n.commit(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-sub.Err():
			return err
		case <-arrived:
		}
	}
}

// commit mines until the pool has nothing that fits a block. The library's own
// loop does not stop while a transaction that offers too little is waiting.
func (n *node) commit() error {
	n.mining.Lock()
	defer n.mining.Unlock()
	for {
		if err := n.eth.TxPool().Sync(); err != nil {
			return fmt.Errorf("pool: %w", err)
		}
		if waiting, _ := n.eth.TxPool().Stats(); waiting == 0 {
			return n.sync()
		}
		head := n.beacon.Commit()
		if b := n.eth.BlockChain().GetBlockByHash(head); b == nil || len(b.Transactions()) == 0 {
			return n.sync()
		}
	}
}

// sync puts the head on disk.
func (n *node) sync() error {
	n.syncing.Lock()
	defer n.syncing.Unlock()
	head := n.eth.BlockChain().CurrentBlock().Hash()
	if head == n.synced {
		return nil
	}
	if err := n.eth.ChainDb().SyncKeyValue(); err != nil {
		return fmt.Errorf("sync the chain to disk: %w", err)
	}
	n.synced = head
	return nil
}

// durable holds each answer back until the head it may speak of is on disk.
func (n *node) durable(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := &heldAnswer{header: w.Header(), status: http.StatusOK}
		h.ServeHTTP(held, r)
		if err := n.sync(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(held.status)
		_, _ = w.Write(held.body) // the client is gone if this fails: nobody is left to tell
	})
}

// heldAnswer is an answer not sent yet.
type heldAnswer struct {
	header http.Header
	status int
	body   []byte
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }
func (a *heldAnswer) Write(b []byte) (int, error) { a.body = append(a.body, b...); return len(b), nil }

// receipt of a transaction that commit has just mined.
func (n *node) receipt(ctx context.Context, tx *types.Transaction) (*types.Receipt, error) {
	r, err := n.client.TransactionReceipt(ctx, tx.Hash())
	if err != nil {
		return nil, fmt.Errorf("receipt of %v: %w", tx.Hash(), err)
	}
	if r.Status != types.ReceiptStatusSuccessful {
		return nil, fmt.Errorf("transaction %v reverted", tx.Hash())
	}
	return r, nil
}
