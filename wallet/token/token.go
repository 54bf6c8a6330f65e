// Package token is SNM on a chain: what an account has, sending it, and
// letting a contract take it. It works with the token of 2017 too, whose
// transfer returns nothing: only balances and receipts are believed.
package token

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sonm/contracts/gen"
	"sonm/wallet/chain"
)

// ErrFunds says that an account has less SNM than is asked of it.
var ErrFunds = errors.New("not enough SNM")

// Token is SNM at its address on one network.
type Token struct {
	chain *chain.Client
	at    common.Address
	code  *gen.SNM
}

// New is the token of c's network.
func New(c *chain.Client) *Token {
	return &Token{chain: c, at: c.Network().Token, code: gen.NewSNM()}
}

// Balance is the SNM of an account, in wei.
func (t *Token) Balance(ctx context.Context, a common.Address) (*big.Int, error) {
	out, err := t.chain.Call(ctx, t.at, t.code.PackBalanceOf(a), Explain)
	if err != nil {
		return nil, fmt.Errorf("balance of %v: %w", a, err)
	}
	v, err := t.code.UnpackBalanceOf(out)
	if err != nil {
		return nil, fmt.Errorf("balance of %v: %w: %w", a, chain.ErrAnswer, err)
	}
	return v, nil
}

// Allowance is what spender may still take from owner.
func (t *Token) Allowance(ctx context.Context, owner, spender common.Address) (*big.Int, error) {
	out, err := t.chain.Call(ctx, t.at, t.code.PackAllowance(owner, spender), Explain)
	if err != nil {
		return nil, fmt.Errorf("allowance of %v: %w", owner, err)
	}
	v, err := t.code.UnpackAllowance(out)
	if err != nil {
		return nil, fmt.Errorf("allowance of %v: %w: %w", owner, chain.ErrAnswer, err)
	}
	return v, nil
}

// Transfer sends SNM from the client's account and waits for its block.
func (t *Token) Transfer(ctx context.Context, to common.Address, amount *big.Int) (*types.Receipt, error) {
	if err := inRange(amount); err != nil {
		return nil, err
	}
	return t.chain.Send(ctx, chain.Tx{Purpose: "transfer", To: t.at, Data: t.code.PackTransfer(to, amount), Explain: Explain})
}

// Approve lets spender take amount from the client's account, replacing what
// it was allowed before.
func (t *Token) Approve(ctx context.Context, spender common.Address, amount *big.Int) (*types.Receipt, error) {
	if err := inRange(amount); err != nil {
		return nil, err
	}
	return t.chain.Send(ctx, chain.Tx{Purpose: "approve", To: t.at, Data: t.code.PackApprove(spender, amount), Explain: Explain})
}

// Explain puts a refusal of the token into words.
func Explain(data []byte) (string, bool) {
	if len(data) < 4 { // the binding takes the selector for granted
		return "", false
	}
	reason, err := gen.NewSNM().UnpackError(data)
	if err != nil {
		return "", false
	}
	switch e := reason.(type) {
	case *gen.SNMERC20InsufficientBalance:
		return fmt.Sprintf("%v has %v wei of SNM, %v are needed", e.Sender, e.Balance, e.Needed), true
	case *gen.SNMERC20InsufficientAllowance:
		return fmt.Sprintf("%v may take %v wei of SNM, %v are needed", e.Spender, e.Allowance, e.Needed), true
	case *gen.SNMERC20InvalidReceiver:
		return fmt.Sprintf("%v cannot receive SNM", e.Receiver), true
	}
	return fmt.Sprintf("the token refused (%T)", reason), true
}

func inRange(v *big.Int) error {
	if v == nil || v.Sign() < 0 || v.BitLen() > 256 {
		return fmt.Errorf("%v is not an amount of SNM", v)
	}
	return nil
}
