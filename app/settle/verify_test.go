package settle_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"sonm/app/settle"
	"sonm/engine/fog"
	"sonm/wallet/chain"
	"sonm/wallet/typed"
)

// What is signed by another key, for another network, or changed afterwards is
// refused; so is a delegation that is over or is for something else.
func TestOnlyTheRightKeyIsBelieved(t *testing.T) {
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	device := fog.Address(crypto.PubkeyToAddress(key.PublicKey))
	network := chain.Network{ChainID: 7, Escrow: [20]byte{1}}
	v, now := settle.NewVerifier(network), time.Unix(1_800_000_000, 0)
	sign := func(m typed.Message) (sig fog.Signature) {
		digest, err := typed.Digest(v.Domain, m)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := crypto.Sign(digest[:], key)
		if err != nil {
			t.Fatal(err)
		}
		copy(sig[:], raw)
		sig[64] += 27
		return sig
	}
	x := fog.Voucher{Buyer: fog.Address{2}, Seller: fog.Address{3}, Epoch: 1, Total: fog.Wei(5)}
	x.Sig = sign(typed.Voucher{Buyer: [20]byte(x.Buyer), Seller: [20]byte(x.Seller), Epoch: 1, Total: x.Total.Big()})
	if err := v.VerifyVoucher(x, device); err != nil {
		t.Errorf("a good voucher: %v", err)
	}
	if err := v.VerifyVoucher(x, fog.Address{9}); !errors.Is(err, settle.ErrSigner) {
		t.Errorf("a voucher by another device: %v", err)
	}
	more := x
	more.Total = fog.Wei(6)
	if v.VerifyVoucher(more, device) == nil {
		t.Error("a voucher whose total was raised is believed")
	}
	network.ChainID = 8
	if settle.NewVerifier(network).VerifyVoucher(x, device) == nil {
		t.Error("a voucher of another chain is believed")
	}

	d := fog.Delegation{Account: device, Device: fog.Address{4}, Purposes: fog.PurposeOrder, Cap: fog.Wei(9), Expiry: now}
	d.Sig = sign(typed.Delegation{Account: [20]byte(d.Account), Device: [20]byte(d.Device), Purposes: typed.PurposeOrder, Cap: d.Cap.Big(), Expiry: uint64(now.Unix())})
	if err := v.VerifyDelegation(d, fog.PurposeOrder, now); err != nil {
		t.Errorf("a good delegation: %v", err)
	}
	if v.VerifyDelegation(d, fog.PurposeOrder, now.Add(time.Second)) == nil {
		t.Error("a delegation that is over is believed")
	}
	if v.VerifyDelegation(d, fog.PurposeOrder|fog.PurposeVoucher, now) == nil {
		t.Error("a delegation for orders is believed for vouchers")
	}
	d.Purposes |= fog.PurposeVoucher
	if v.VerifyDelegation(d, fog.PurposeVoucher, now) == nil {
		t.Error("a purpose added after the signature is believed")
	}
}
