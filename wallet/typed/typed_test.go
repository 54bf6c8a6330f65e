package typed_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"sonm/wallet/typed"
)

var update = flag.Bool("update", false, "write contracts/vectors anew")

const vectorsFile = "../../contracts/vectors/typed.json"

// vectorKey signs the vectors; it is nobody's.
const vectorKey = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"

var (
	domain = typed.Domain{ChainID: 1_234_567_890_123, Contract: common.HexToAddress("0x5e11E75c0011e75C0011E75c0011e75c0011e75C")}
	buyer  = common.HexToAddress("0x2c7536E3605D9C16a7a3D7b1898e529396a65c23") // of vectorKey
	seller = common.HexToAddress("0x00000000000000000000000000000000005e11e4")
	device = common.HexToAddress("0x00000000000000000000000000000000000de71c")
)

func h(n byte) (b [32]byte) {
	for i := range b {
		b[i] = n + byte(i)
	}
	return b
}

// example of every kind of message, with every field different from zero.
func examples(t *testing.T) map[string]typed.Message {
	t.Helper()
	payees, err := typed.PackPayees([]typed.Payee{
		{Seller: seller, Total: big.NewInt(1_000_000)},
		{Seller: device, Total: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))},
	})
	if err != nil {
		t.Fatal(err)
	}
	wei, _ := new(big.Int).SetString("123456789012345678901", 10)
	return map[string]typed.Message{
		"Delegation": typed.Delegation{Account: buyer, Device: device, Purposes: typed.PurposeDevice, Cap: wei, Expiry: 4_000_000_000},
		"Voucher":    typed.Voucher{Buyer: buyer, Seller: seller, Epoch: 3, Total: wei},
		"Batch":      typed.Batch{Buyer: buyer, Epoch: 3, Payees: payees},
		"Ask": typed.Ask{
			Seller: seller, Device: device, Peer: typed.PeerHash("12D3KooW"), Addrs: typed.AddrsHash([]string{"/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/2"}),
			Price: wei, Slots: 8, Memory: 1 << 31, Expiry: 4_000_000_000, Nonce: 77,
		},
		"Deal": typed.Deal{
			Job: h(1), Ask: h(2), Buyer: buyer, Seller: seller, Module: h(3), Input: h(4), Price: wei,
			Cap: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1)), Secret: h(5), Expiry: 4_000_000_001,
		},
		"Receipt": typed.Receipt{Deal: h(6), Task: h(7), Attempt: 2, Spec: h(8), Result: h(9), Work: 1 << 63, Level: 4},
	}
}

// vectors is the file that Solidity reads too. Numbers are decimal text.
type vectors struct {
	Key       string                       `json:"key"`
	Signer    common.Address               `json:"signer"`
	ChainID   string                       `json:"chainId"`
	Contract  common.Address               `json:"contract"`
	Separator string                       `json:"separator"`
	Messages  map[string]map[string]string `json:"messages"`
}

func hexOf(b []byte) string { return "0x" + hex.EncodeToString(b) }

// build is what the file should say, from our own hashing.
func build(t *testing.T) vectors {
	t.Helper()
	key, err := crypto.HexToECDSA(vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	sep := domain.Separator()
	v := vectors{
		Key: "0x" + vectorKey, Signer: buyer, ChainID: strconv.FormatUint(domain.ChainID, 10),
		Contract: domain.Contract, Separator: hexOf(sep[:]), Messages: map[string]map[string]string{},
	}
	for name, m := range examples(t) {
		digest, err := typed.Digest(domain, m)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := typed.StructHash(m)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := crypto.Sign(digest[:], key)
		if err != nil {
			t.Fatal(err)
		}
		sig[64] += 27
		fields := fieldsOf(m)
		fields["structHash"], fields["digest"], fields["sig"] = hexOf(inner[:]), hexOf(digest[:]), hexOf(sig)
		v.Messages[name] = fields
	}
	return v
}

func num[T uint8 | uint32 | uint64 | typed.Purpose](n T) string {
	return strconv.FormatUint(uint64(n), 10)
}

func fieldsOf(m typed.Message) map[string]string {
	switch m := m.(type) {
	case typed.Delegation:
		return map[string]string{
			"account": m.Account.Hex(), "device": m.Device.Hex(), "purposes": num(m.Purposes),
			"cap": m.Cap.String(), "expiry": num(m.Expiry),
		}
	case typed.Voucher:
		return map[string]string{"buyer": m.Buyer.Hex(), "seller": m.Seller.Hex(), "epoch": num(m.Epoch), "total": m.Total.String()}
	case typed.Batch:
		return map[string]string{"buyer": m.Buyer.Hex(), "epoch": num(m.Epoch), "payees": hexOf(m.Payees)}
	case typed.Ask:
		return map[string]string{
			"seller": m.Seller.Hex(), "device": m.Device.Hex(), "peer": hexOf(m.Peer[:]), "addrs": hexOf(m.Addrs[:]),
			"price": m.Price.String(), "slots": num(m.Slots), "memory": num(m.Memory), "expiry": num(m.Expiry), "nonce": num(m.Nonce),
		}
	case typed.Deal:
		return map[string]string{
			"job": hexOf(m.Job[:]), "ask": hexOf(m.Ask[:]), "buyer": m.Buyer.Hex(), "seller": m.Seller.Hex(),
			"module": hexOf(m.Module[:]), "input": hexOf(m.Input[:]), "price": m.Price.String(), "cap": m.Cap.String(),
			"secret": hexOf(m.Secret[:]), "expiry": num(m.Expiry),
		}
	case typed.Receipt:
		return map[string]string{
			"deal": hexOf(m.Deal[:]), "task": hexOf(m.Task[:]), "attempt": num(m.Attempt), "spec": hexOf(m.Spec[:]),
			"result": hexOf(m.Result[:]), "work": num(m.Work), "level": num(m.Level),
		}
	}
	return nil
}

// The types once more, as another implementation of EIP-712 wants them.
var types = apitypes.Types{
	"EIP712Domain": fields("name string,version string,chainId uint256,verifyingContract address"),
	"Delegation":   fields("account address,device address,purposes uint8,cap uint128,expiry uint64"),
	"Voucher":      fields("buyer address,seller address,epoch uint32,total uint128"),
	"Batch":        fields("buyer address,epoch uint32,payees bytes"),
	"Ask":          fields("seller address,device address,peer bytes32,addrs bytes32,price uint128,slots uint32,memory uint64,expiry uint64,nonce uint64"),
	"Deal":         fields("job bytes32,ask bytes32,buyer address,seller address,module bytes32,input bytes32,price uint128,cap uint128,secret bytes32,expiry uint64"),
	"Receipt":      fields("deal bytes32,task bytes32,attempt uint32,spec bytes32,result bytes32,work uint64,level uint32"),
}

func fields(list string) (all []apitypes.Type) {
	for f := range strings.SplitSeq(list, ",") {
		name, kind, _ := strings.Cut(f, " ")
		all = append(all, apitypes.Type{Name: name, Type: kind})
	}
	return all
}

func TestVectorsAgreeWithAnotherImplementation(t *testing.T) {
	for name, m := range examples(t) {
		message := apitypes.TypedDataMessage{}
		for k, v := range fieldsOf(m) {
			message[k] = v
		}
		want, _, err := apitypes.TypedDataAndHash(apitypes.TypedData{
			Types: types, PrimaryType: name, Message: message,
			Domain: apitypes.TypedDataDomain{
				Name: "SONM Escrow", Version: "1",
				ChainId: (*math.HexOrDecimal256)(new(big.Int).SetUint64(domain.ChainID)), VerifyingContract: domain.Contract.Hex(),
			},
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := typed.Digest(domain, m)
		if err != nil || hexOf(got[:]) != hexOf(want) {
			t.Errorf("%s: digest %x, want %x (%v)", name, got, want, err)
		}
	}
}

func TestVectorsFile(t *testing.T) {
	want, err := json.MarshalIndent(build(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(filepath.FromSlash(vectorsFile), want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.FromSlash(vectorsFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what the messages hash to; run with -update if that is meant", vectorsFile)
	}
}

func TestRecover(t *testing.T) {
	for name, fields := range build(t).Messages {
		m := examples(t)[name]
		sig := common.FromHex(fields["sig"])
		if who, err := typed.Recover(domain, m, sig); err != nil || who != buyer {
			t.Errorf("%s: %v, %v", name, who, err)
		}
		other := domain
		other.ChainID++
		if who, err := typed.Recover(other, m, sig); err == nil && who == buyer {
			t.Errorf("%s is good on another chain", name)
		}
		other = domain
		other.Contract[0]++
		if who, err := typed.Recover(other, m, sig); err == nil && who == buyer {
			t.Errorf("%s is good for another contract", name)
		}
	}
}

func TestMalformedSignatures(t *testing.T) {
	m := examples(t)["Voucher"]
	good := common.FromHex(build(t).Messages["Voucher"]["sig"])
	n := crypto.S256().Params().N
	high := append([]byte(nil), good...)
	new(big.Int).Sub(n, new(big.Int).SetBytes(good[32:64])).FillBytes(high[32:64])
	high[64] = 27 + 28 - good[64]
	cases := map[string][]byte{"none": nil, "short": good[:64], "long": append(append([]byte(nil), good...), 0), "high s": high, "zero": make([]byte, 65)}
	for _, v := range []byte{0, 1, 26, 29, 255} {
		cases["v "+strconv.Itoa(int(v))] = append(append([]byte(nil), good[:64]...), v)
	}
	for name, sig := range cases {
		if _, err := typed.Recover(domain, m, sig); !errors.Is(err, typed.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
}

func TestNumbersThatDoNotFit(t *testing.T) {
	over := new(big.Int).Lsh(big.NewInt(1), 128)
	for _, v := range []*big.Int{nil, big.NewInt(-1), over} {
		for _, m := range []typed.Message{
			typed.Voucher{Total: v},
			typed.Delegation{Cap: v},
			typed.Ask{Price: v},
			typed.Deal{Price: v, Cap: big.NewInt(1)},
			typed.Deal{Price: big.NewInt(1), Cap: v},
		} {
			if _, err := typed.Digest(domain, m); err == nil {
				t.Errorf("%T with %v has a digest", m, v)
			}
		}
		if _, err := typed.PackPayees([]typed.Payee{{Total: v}}); err == nil {
			t.Errorf("packed %v", v)
		}
	}
	if _, err := typed.PackPayees([]typed.Payee{{Total: new(big.Int).Lsh(big.NewInt(1), 96)}}); err == nil {
		t.Error("packed 2^96")
	}
	for _, n := range []int{0, 1, 31, 33} {
		if _, err := typed.Digest(domain, typed.Batch{Payees: make([]byte, n)}); err == nil {
			t.Errorf("a batch of %d bytes has a digest", n)
		}
	}
}

func FuzzUnpackPayees(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 31))
	f.Add(make([]byte, 64))
	f.Add([]byte(strings.Repeat("\xff", 96)))
	f.Fuzz(func(t *testing.T, packed []byte) {
		payees, err := typed.UnpackPayees(packed)
		if err != nil {
			return
		}
		back, err := typed.PackPayees(payees)
		if err != nil || string(back) != string(packed) {
			t.Errorf("%x came back as %x, %v", packed, back, err)
		}
	})
}

func FuzzRecover(f *testing.F) {
	f.Add(make([]byte, 65))
	f.Add([]byte(strings.Repeat("\x1b", 65)))
	f.Fuzz(func(t *testing.T, sig []byte) {
		if who, err := typed.Recover(domain, typed.Receipt{}, sig); err == nil && who == buyer {
			t.Errorf("%x is a forged signature", sig)
		}
	})
}
