package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

const (
	pollFirst  = 5 * time.Millisecond // the practice chain mines at once
	pollLast   = 2 * time.Second      // a public chain makes a block in 2 to 12 s
	resendTime = 30 * time.Second     // pools forget
	waitTime   = 10 * time.Minute     // for a receipt, when ctx sets no deadline

	gasMost = 1 << 24 // Osaka's limit of one transaction (EIP-7825)
)

// feeMost is the most ever paid per gas: 2,000 gwei, above any day Ethereum
// has had; an endpoint that asks for more is lying.
var feeMost = big.NewInt(2000 * params.GWei)

// Tx is a transaction to be sent.
type Tx struct {
	Purpose string // what it is for; gas is counted by it
	To      common.Address
	Data    []byte
	Value   *big.Int // wei; nil is none
	Explain Explain  // turns a refusal of To into words
}

// Start sends again what an earlier run of the program left in the outbox.
// Call it once before anything is sent.
func (c *Client) Start(ctx context.Context) error { return c.Rebroadcast(ctx) }

// Rebroadcast sends everything in the outbox that is not on the chain, and
// forgets what is final.
func (c *Client) Rebroadcast(ctx context.Context) error {
	if err := c.check(ctx); err != nil {
		return err
	}
	pending, err := c.outbox.Pending(ctx)
	if err != nil {
		return fmt.Errorf("read the outbox: %w", err)
	}
	for _, r := range pending {
		if r.ChainID != c.network.ChainID || r.From != c.Address() {
			continue // of another network or account: theirs to finish
		}
		c.used(r.Nonce)
		if err := c.renew(ctx, r); err != nil {
			return fmt.Errorf("send %s %v again: %w", r.Purpose, r.ID, err)
		}
	}
	return nil
}

// renew looks at one record: on the chain, lost for ever, or to be sent again.
func (c *Client) renew(ctx context.Context, r Record) error {
	receipt, err := c.eth.TransactionReceipt(ctx, r.ID)
	if err == nil {
		return c.finish(ctx, r.ID, receipt)
	}
	if !errors.Is(err, ethereum.NotFound) {
		return explainError(err, nil)
	}
	err = c.broadcast(ctx, r.Raw)
	if errors.Is(err, ErrDropped) || errors.Is(err, ErrFunds) {
		c.log.Warn("transaction dropped", "purpose", r.Purpose, "id", r.ID, "reason", err)
		return c.outbox.Final(ctx, r.ID)
	}
	return err
}

// Send signs tx, puts it into the outbox, sends it and waits until it is in a
// block. It returns a *RevertError if the contract refuses, before or after.
// When ctx ends while it waits, the transaction stays in the outbox.
func (c *Client) Send(ctx context.Context, tx Tx) (*types.Receipt, error) {
	if c.signer == nil {
		return nil, errors.New("this client has no account to send from")
	}
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	r, err := c.submit(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tx.Purpose, err)
	}
	receipt, err := c.wait(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tx.Purpose, err)
	}
	c.count(tx.Purpose, receipt.GasUsed)
	if err := c.finish(ctx, r.ID, receipt); err != nil {
		return nil, err
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		return receipt, fmt.Errorf("%s: %w", tx.Purpose, c.reason(ctx, tx, receipt))
	}
	return receipt, nil
}

// submit holds the nonces from the choice of one until it is on the wire.
func (c *Client) submit(ctx context.Context, tx Tx) (Record, error) {
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	case <-ctx.Done():
		return Record{}, ctx.Err()
	}
	draft, err := c.draft(ctx, tx)
	if err != nil {
		return Record{}, err
	}
	signed, err := c.signer.SignTx(ctx, types.NewTx(draft), c.network.ChainID)
	if err != nil {
		return Record{}, err
	}
	raw, err := signed.MarshalBinary()
	if err != nil {
		return Record{}, err
	}
	r := Record{ID: signed.Hash(), Purpose: tx.Purpose, ChainID: c.network.ChainID, From: c.Address(), Nonce: draft.Nonce, Raw: raw}
	if err := c.outbox.Save(ctx, r); err != nil {
		return Record{}, fmt.Errorf("save to the outbox: %w", err)
	}
	err = c.broadcast(ctx, raw)
	if err != nil && !errors.Is(err, ErrUnreachable) {
		return Record{}, errors.Join(err, c.outbox.Final(ctx, r.ID)) // refused: it will never be on the chain
	}
	c.used(r.Nonce) // no answer: it may have arrived
	return r, nil
}

// draft asks for everything a transaction needs and bounds it.
func (c *Client) draft(ctx context.Context, tx Tx) (*types.DynamicFeeTx, error) {
	from, value := c.Address(), tx.Value
	if value == nil {
		value = new(big.Int)
	}
	nonce, err := c.eth.PendingNonceAt(ctx, from)
	if err != nil {
		return nil, explainError(err, nil)
	}
	if c.nextNonce() > nonce { // an earlier one did not arrive: without it this one would wait for ever
		if err := c.Rebroadcast(ctx); err != nil {
			return nil, err
		}
	}
	gas, err := c.eth.EstimateGas(ctx, ethereum.CallMsg{From: from, To: &tx.To, Data: tx.Data, Value: value})
	if err != nil {
		return nil, c.explainEstimate(ctx, err, tx, from, value)
	}
	gas += gas / 4 // what others do in between may cost more storage
	tip, fee, err := c.fees(ctx)
	if err != nil {
		return nil, err
	}
	if gas > gasMost {
		return nil, fmt.Errorf("%w: %d gas for %s", ErrFee, gas, tx.Purpose)
	}
	have, err := c.Coins(ctx, from)
	if err != nil {
		return nil, err
	}
	need := new(big.Int).Mul(fee, new(big.Int).SetUint64(gas))
	if need.Add(need, value); have.Cmp(need) < 0 {
		return nil, &FundsError{Have: have, Need: need}
	}
	return &types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(c.network.ChainID), Nonce: max(nonce, c.nextNonce()),
		GasTipCap: tip, GasFeeCap: fee, Gas: gas, To: &tx.To, Value: value, Data: tx.Data,
	}, nil
}

// explainEstimate sorts out an estimate that failed: endpoints say in many
// ways that there is no money.
func (c *Client) explainEstimate(ctx context.Context, err error, tx Tx, from common.Address, value *big.Int) error {
	if strings.Contains(err.Error(), "insufficient funds") || strings.Contains(err.Error(), "gas required exceeds allowance") {
		if have, bad := c.Coins(ctx, from); bad == nil {
			return &FundsError{Have: have, Need: new(big.Int).Add(value, big.NewInt(1))}
		}
	}
	return explainError(err, tx.Explain)
}

// fees are the tip and the most per gas: room for the base fee to double.
func (c *Client) fees(ctx context.Context) (tip, fee *big.Int, err error) {
	head, err := c.eth.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, nil, explainError(err, nil)
	}
	if tip, err = c.eth.SuggestGasTipCap(ctx); err != nil {
		return nil, nil, explainError(err, nil)
	}
	if head.BaseFee == nil || head.BaseFee.Sign() < 0 || tip.Sign() < 0 {
		return nil, nil, fmt.Errorf("%w: a base fee of %v and a tip of %v", ErrAnswer, head.BaseFee, tip)
	}
	fee = new(big.Int).Add(tip, new(big.Int).Lsh(head.BaseFee, 1))
	if fee.Cmp(feeMost) > 0 {
		return nil, nil, fmt.Errorf("%w: %v wei per gas, %v is the most", ErrFee, fee, feeMost)
	}
	return tip, fee, nil
}

// broadcast hands raw to the endpoint; one that it has already is no error.
func (c *Client) broadcast(ctx context.Context, raw []byte) error {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return fmt.Errorf("read a kept transaction: %w", err)
	}
	err := c.eth.SendTransaction(ctx, &tx)
	var answer rpc.Error
	if err == nil || !errors.As(err, &answer) {
		return explainError(err, nil)
	}
	switch text := answer.Error(); {
	case strings.Contains(text, "already known"), strings.Contains(text, "already imported"):
		return nil
	case strings.Contains(text, "nonce too low"):
		if _, err := c.eth.TransactionReceipt(ctx, tx.Hash()); err == nil {
			return nil
		}
		return ErrDropped
	case strings.Contains(text, "insufficient funds"):
		return fmt.Errorf("%w: %.200s", ErrFunds, text)
	}
	return explainError(err, nil)
}

// wait polls for the receipt, patiently when the endpoint does not answer.
func (c *Client) wait(ctx context.Context, r Record) (*types.Receipt, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, waitTime)
		defer cancel()
	}
	pause, sent := pollFirst, time.Now()
	for {
		receipt, err := c.eth.TransactionReceipt(ctx, r.ID)
		if err == nil {
			return receipt, plausible(receipt, r)
		}
		if time.Since(sent) > resendTime {
			sent = time.Now()
			if err := c.broadcast(ctx, r.Raw); errors.Is(err, ErrDropped) {
				return nil, errors.Join(err, c.outbox.Final(ctx, r.ID))
			}
		}
		select {
		case <-ctx.Done():
			if !errors.Is(err, ethereum.NotFound) {
				return nil, explainError(err, nil)
			}
			return nil, fmt.Errorf("%v is not in a block yet and will be sent again: %w", r.ID, ctx.Err())
		case <-time.After(pause):
			pause = min(pause*3/2, pollLast)
		}
	}
}

// plausible refuses a receipt of something else.
func plausible(receipt *types.Receipt, r Record) error {
	if !bytes.Equal(receipt.TxHash[:], r.ID[:]) || receipt.BlockNumber == nil || receipt.GasUsed > gasMost {
		return fmt.Errorf("%w: a receipt of %v for %v", ErrAnswer, receipt.TxHash, r.ID)
	}
	return nil
}

// finish forgets the record once its block can no longer go away. The practice
// chain answers only from what is on disk, so there it is final at once.
func (c *Client) finish(ctx context.Context, id common.Hash, receipt *types.Receipt) error {
	if !c.network.Practice && !c.final(ctx, receipt) {
		return nil // a later Rebroadcast looks again
	}
	if err := c.outbox.Final(ctx, id); err != nil {
		return fmt.Errorf("clear the outbox: %w", err)
	}
	return nil
}

// final reports whether the receipt's block is known never to go away; a chain
// that does not tell says no.
func (c *Client) final(ctx context.Context, receipt *types.Receipt) bool {
	last, err := c.eth.HeaderByNumber(ctx, big.NewInt(rpc.FinalizedBlockNumber.Int64()))
	return err == nil && receipt.BlockNumber != nil && last.Number.Cmp(receipt.BlockNumber) >= 0
}

// reason asks again, as of the block it failed in, why tx was refused.
func (c *Client) reason(ctx context.Context, tx Tx, receipt *types.Receipt) error {
	msg := ethereum.CallMsg{From: c.Address(), To: &tx.To, Data: tx.Data, Value: tx.Value}
	_, err := c.eth.CallContract(ctx, msg, receipt.BlockNumber)
	if refused, ok := errors.AsType[*RevertError](explainError(err, tx.Explain)); ok {
		return refused
	}
	return revert(nil, nil)
}

func (c *Client) nextNonce() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

func (c *Client) used(nonce uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = max(c.next, nonce+1)
}

func (c *Client) count(purpose string, gas uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gas[purpose] += gas
}
