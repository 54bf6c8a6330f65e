package devnet

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"sonm/contracts/gen"
	"sonm/wallet/chain"
)

// faucetSeed is where the key that owns all practice money comes from. It is
// public on purpose; the keystore refuses it.
const faucetSeed = "sonm practice faucet: worth nothing on any network"

// Gas limits of the faucet's own transactions, with room to spare.
const (
	deployGas = 5_000_000
	coinsGas  = 100_000
	tokensGas = 200_000
)

// What sonm_fund gives: gas for years of practice, and some jobs' worth of SNM.
var (
	grantCoins  = big.NewInt(params.Ether)
	grantTokens = new(big.Int).Mul(big.NewInt(1000), big.NewInt(params.Ether)) // both have 18 decimals
)

func faucetKey() *ecdsa.PrivateKey {
	k, err := crypto.ToECDSA(crypto.Keccak256([]byte(faucetSeed)))
	if err != nil {
		panic(err) // a constant; a test calls it
	}
	return k
}

// Faucet is the account that the genesis of every practice chain funds.
func Faucet() common.Address { return crypto.PubkeyToAddress(faucetKey().PublicKey) }

// deploy brings the two contracts onto a new chain, and finds them on an old
// one: they are the faucet's first two transactions, so their addresses are
// known, and a start that was killed between them goes on where it was.
func (n *node) deploy(ctx context.Context) (token, escrow common.Address, err error) {
	token, err = n.ensureCode(ctx, 0, common.FromHex(gen.SNMMetaData.Bin))
	if err != nil {
		return token, escrow, fmt.Errorf("deploy SNM: %w", err)
	}
	args := gen.NewEscrow().PackConstructor(token, Faucet(), big.NewInt(FeeBPS))
	escrow, err = n.ensureCode(ctx, 1, append(common.FromHex(gen.EscrowMetaData.Bin), args...))
	if err != nil {
		return token, escrow, fmt.Errorf("deploy Escrow: %w", err)
	}
	return token, escrow, nil
}

func (n *node) ensureCode(ctx context.Context, nonce uint64, code []byte) (common.Address, error) {
	at := crypto.CreateAddress(Faucet(), nonce)
	have, err := n.client.CodeAt(ctx, at, nil)
	if err != nil || len(have) > 0 {
		return at, err
	}
	next, err := n.client.NonceAt(ctx, Faucet(), nil)
	if err != nil {
		return at, err
	}
	if next != nonce {
		return at, fmt.Errorf("the chain is not one of ours: nothing at %v, %d transactions of the faucet", at, next)
	}
	return at, n.send(ctx, &types.DynamicFeeTx{Gas: deployGas, Data: code})
}

// grant sends an address its first money unless it has had it. The transfer of
// SNM comes last and is the record: it is lost only together with the money.
func (n *node) grant(ctx context.Context, token, to common.Address) (Grant, error) {
	g := Grant{Coins: grantCoins.String(), Tokens: grantTokens.String()}
	had, err := n.granted(ctx, token, to)
	if err != nil {
		return Grant{}, err
	}
	if had {
		g.Already = true
		return g, nil
	}
	if err := n.send(ctx, &types.DynamicFeeTx{Gas: coinsGas, To: &to, Value: grantCoins}); err != nil {
		return Grant{}, fmt.Errorf("coins for %v: %w", to, err)
	}
	transfer := gen.NewSNM().PackTransfer(to, grantTokens)
	if err := n.send(ctx, &types.DynamicFeeTx{Gas: tokensGas, To: &token, Data: transfer}); err != nil {
		return Grant{}, fmt.Errorf("SNM for %v: %w", to, err)
	}
	return g, nil
}

func (n *node) granted(ctx context.Context, token, to common.Address) (bool, error) {
	abi, err := gen.SNMMetaData.ParseABI()
	if err != nil {
		return false, err
	}
	logs, err := n.client.FilterLogs(ctx, ethereum.FilterQuery{
		FromBlock: new(big.Int),
		Addresses: []common.Address{token},
		Topics: [][]common.Hash{
			{abi.Events["Transfer"].ID},
			{common.BytesToHash(Faucet().Bytes())},
			{common.BytesToHash(to.Bytes())},
		},
	})
	if err != nil {
		return false, fmt.Errorf("look for an earlier grant to %v: %w", to, err)
	}
	return len(logs) > 0, nil
}

// send signs with the faucet's key, mines, and waits.
func (n *node) send(ctx context.Context, tx *types.DynamicFeeTx) error {
	head, err := n.client.HeaderByNumber(ctx, nil)
	if err != nil {
		return err
	}
	tx.ChainID = new(big.Int).SetUint64(n.chainID)
	// Not the pool's Nonce: that reads a state shared with the pool's own
	// goroutines, under a lock for readers although reading fills its cache.
	if tx.Nonce, err = n.client.NonceAt(ctx, Faucet(), nil); err != nil {
		return err
	}
	tx.GasTipCap = big.NewInt(1)
	tx.GasFeeCap = new(big.Int).Add(big.NewInt(params.GWei), new(big.Int).Lsh(head.BaseFee, 1))
	signed, err := types.SignNewTx(faucetKey(), types.LatestSignerForChainID(tx.ChainID), tx)
	if err != nil {
		return err
	}
	if err := n.client.SendTransaction(ctx, signed); err != nil {
		return err
	}
	if err := n.commit(); err != nil {
		return err
	}
	_, err = n.receipt(ctx, signed)
	return err
}

// chainFile keeps what was drawn for a network at its first start.
type chainFile struct {
	ChainID uint64 `json:"chain_id"`
}

// chainID of the network in dir, drawn at random if it is new: a signature for
// one practice network must mean nothing on another.
func chainID(dir string) (uint64, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	path := filepath.Join(dir, "network.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return drawChainID(dir, path)
	}
	if err != nil {
		return 0, err
	}
	var f chainFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	if !chain.PracticeChain(f.ChainID) {
		return 0, fmt.Errorf("read %s: %d is not the chain id of a practice network", path, f.ChainID)
	}
	return f.ChainID, nil
}

// drawChainID writes the id before it is used. Of two processes that start at
// once the first to link its file wins, and both read that one.
func drawChainID(dir, path string) (uint64, error) {
	span := new(big.Int).SetUint64(chain.PracticeMax - chain.PracticeMin)
	r, err := rand.Int(rand.Reader, span)
	if err != nil {
		return 0, err
	}
	raw, err := json.Marshal(chainFile{ChainID: chain.PracticeMin + r.Uint64()})
	if err != nil {
		return 0, err
	}
	tmp, err := os.CreateTemp(dir, "network-*.tmp")
	if err != nil {
		return 0, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(raw, '\n'))
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return 0, err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return 0, err
	}
	return chainID(dir)
}
