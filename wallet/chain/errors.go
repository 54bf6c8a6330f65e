package chain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

var (
	// ErrUnreachable says that no answer came from the chain's endpoint, or
	// one that is not an answer.
	ErrUnreachable = errors.New("the chain cannot be reached")
	// ErrFunds says that the account cannot pay; see FundsError.
	ErrFunds = errors.New("not enough coins for gas")
	// ErrFee says that the endpoint asks for a fee beyond all reason.
	ErrFee = errors.New("the fee asked for is beyond all reason")
	// ErrDropped says that another transaction took the nonce.
	ErrDropped = errors.New("the transaction was replaced by another")
	// ErrAnswer says that the endpoint's answer contradicts itself.
	ErrAnswer = errors.New("the chain's answer makes no sense")
)

// FundsError says how much of the chain's own coin is missing. It is ErrFunds.
type FundsError struct {
	Have, Need *big.Int // wei
}

func (e *FundsError) Error() string {
	return fmt.Sprintf("%v: %s needed, %s there", ErrFunds, coins(e.Need), coins(e.Have))
}

// Unwrap makes it ErrFunds.
func (e *FundsError) Unwrap() error { return ErrFunds }

// coins writes wei as a decimal number of the chain's coin.
func coins(wei *big.Int) string {
	r := new(big.Rat).SetFrac(wei, big.NewInt(params.Ether))
	return strings.TrimRight(strings.TrimRight(r.FloatString(18), "0"), ".")
}

// WrongChainError says that the endpoint serves another chain than the network
// file names: signing for it would be signing for strangers.
type WrongChainError struct {
	Got, Want string // chain ids, or hashes of block 0
}

func (e *WrongChainError) Error() string {
	return fmt.Sprintf("the endpoint serves chain %s, this network is %s", e.Got, e.Want)
}

// RevertError says that a contract refused, and why.
type RevertError struct {
	Reason string // words for a person
	Data   []byte // what the contract returned
}

func (e *RevertError) Error() string { return "the contract refused: " + e.Reason }

// Explain turns what a contract returned on refusing into words; false when it
// does not know it.
type Explain func(data []byte) (string, bool)

// maxRevert bounds what is read of a refusal.
const maxRevert = 4096

func revert(data []byte, explain Explain) *RevertError {
	if explain != nil {
		if words, ok := explain(data); ok {
			return &RevertError{Reason: words, Data: data}
		}
	}
	if words, err := abi.UnpackRevert(data); err == nil {
		return &RevertError{Reason: words, Data: data}
	}
	if len(data) == 0 {
		return &RevertError{Reason: "it gave no reason"}
	}
	return &RevertError{Reason: "it answered 0x" + hex.EncodeToString(data[:min(len(data), 36)]), Data: data}
}

// explainError sorts what a call to the endpoint returned: a refusal of a
// contract, a refusal of the endpoint, or no answer at all.
func explainError(err error, explain Explain) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if data, ok := errors.AsType[rpc.DataError](err); ok {
		if text, ok := data.ErrorData().(string); ok && len(text) <= 2*maxRevert+2 {
			if raw, bad := hex.DecodeString(strings.TrimPrefix(text, "0x")); bad == nil {
				return revert(raw, explain)
			}
		}
	}
	if answer, ok := errors.AsType[rpc.Error](err); ok {
		text := answer.Error()
		if strings.Contains(text, "execution reverted") {
			return revert(nil, explain)
		}
		return fmt.Errorf("the chain refused: %.200s", text)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
