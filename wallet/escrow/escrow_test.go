package escrow_test

import (
	"bytes"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sonm/contracts/gen"
	"sonm/wallet/chain"
	"sonm/wallet/escrow"
)

var at = common.Address{2}

func offline(t *testing.T) *escrow.Escrow {
	t.Helper()
	c, err := chain.New(chain.Config{Dial: (&net.Dialer{}).DialContext, Network: chain.Network{
		ChainID: chain.PracticeMin, Practice: true, RPC: "http://127.0.0.1:1", Token: common.Address{1}, Escrow: at,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return escrow.New(c)
}

func contract(tb testing.TB) *abi.ABI {
	tb.Helper()
	a, err := gen.EscrowMetaData.ParseABI()
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// paid is a log as Escrow writes it.
func paid(t *testing.T, event string, from common.Address, sums ...int64) *types.Log {
	t.Helper()
	e := contract(t).Events[event]
	values := []any{uint32(1)}
	for _, s := range sums {
		values = append(values, big.NewInt(s))
	}
	data, err := e.Inputs.NonIndexed().Pack(values...)
	if err != nil {
		t.Fatal(err)
	}
	return &types.Log{Address: from, Data: data, Topics: []common.Hash{e.ID, {31: 0xB}, {31: 0x5}}}
}

func TestOnlyTheContractsOwnEventsArePayments(t *testing.T) {
	gone := paid(t, "Paid", at, 7, 1)
	gone.Removed = true
	short := paid(t, "Paid", at, 7, 1)
	short.Topics = short.Topics[:2]
	cut := paid(t, "Paid", at, 7, 1)
	cut.Data = cut.Data[:40]
	s, err := offline(t).Settlement(&types.Receipt{GasUsed: 5, Logs: []*types.Log{
		paid(t, "Paid", at, 99, 1),
		paid(t, "Paid", common.Address{9}, 1000, 10), // somebody else's contract
		gone, short, cut,
		{Address: at}, // no topics
		paid(t, "Shortfall", at, 50),
	}})
	if err != nil || len(s.Payments) != 1 || s.Payments[0].Net.Int64() != 99 || s.Payments[0].Fee.Int64() != 1 || s.Payments[0].Seller != (common.Address{19: 5}) {
		t.Errorf("settlement %+v, %v", s, err)
	}
	if len(s.Short) != 1 || s.Short[0].Net.Int64() != 50 {
		t.Errorf("short %+v", s.Short)
	}
}

func TestAPaymentWithoutSumsIsRefused(t *testing.T) {
	l := paid(t, "Paid", at, 1, 1)
	l.Data = nil
	if _, err := offline(t).Settlement(&types.Receipt{Logs: []*types.Log{l}}); !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("Settlement = %v, want ErrAnswer", err)
	}
}

func TestEveryRefusalHasWords(t *testing.T) {
	for name, e := range contract(t).Errors {
		var values []any
		for _, in := range e.Inputs {
			switch in.Type.T {
			case abi.AddressTy:
				values = append(values, common.Address{1})
			case abi.StringTy:
				values = append(values, "text")
			case abi.UintTy:
				values = append(values, map[int]any{32: uint32(3), 64: uint64(4), 256: big.NewInt(5)}[in.Type.Size])
			}
		}
		args, err := e.Inputs.Pack(values...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		words, ok := escrow.Explain(append(e.ID[:4:4], args...))
		if !ok || words == "" {
			t.Errorf("%s: no words", name)
		}
		constructor := name == "BadFee" || name == "InvalidShortString" || name == "StringTooLong" || strings.HasPrefix(name, "Safe")
		if strings.Contains(words, "gen.") && !constructor {
			t.Errorf("%s is told as %q", name, words)
		}
	}
}

// FuzzExplain: what a contract answers is a stranger's.
func FuzzExplain(f *testing.F) {
	for _, e := range contract(f).Errors {
		f.Add(e.ID[:4])
		f.Add(append(e.ID[:4:4], bytes.Repeat([]byte{0xff}, 64)...))
	}
	f.Add([]byte{})
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(_ *testing.T, data []byte) { escrow.Explain(data) })
}
