package settle

import (
	"errors"
	"fmt"
	"time"

	"sonm/engine/fog"
	"sonm/wallet/typed"
)

// ErrSigner says that something was signed by another key than it should be.
var ErrSigner = errors.New("signed by another key")

// Verifier checks signatures of one network. It needs no wallet.
type Verifier struct{ Domain typed.Domain }

// VerifyDelegation checks that the account signed it, that it holds all of
// purpose, and that it is good at now.
func (v Verifier) VerifyDelegation(d fog.Delegation, purpose fog.Purpose, now time.Time) error {
	switch {
	case d.Purposes&purpose != purpose:
		return fmt.Errorf("the delegation is for purposes %03b, %03b needed", d.Purposes, purpose)
	case now.After(d.Expiry):
		return fmt.Errorf("the delegation expired on %s", d.Expiry.UTC().Format(time.DateOnly))
	}
	return v.by(d.Account, typedDelegation(d), d.Sig)
}

// VerifyAsk checks that the ask is signed by the device it names.
func (v Verifier) VerifyAsk(a fog.Ask) error { return v.by(a.Device, typedAsk(a), a.Sig) }

// VerifyDeal checks one side's signature under a deal.
func (v Verifier) VerifyDeal(d fog.Deal, sig fog.Signature, device fog.Address) error {
	return v.by(device, typedDeal(d), sig)
}

// VerifyReceipt checks a worker's signature.
func (v Verifier) VerifyReceipt(r fog.Receipt, device fog.Address) error {
	return v.by(device, typedReceipt(r), r.Sig)
}

// VerifyVoucher checks a buyer's promise.
func (v Verifier) VerifyVoucher(x fog.Voucher, device fog.Address) error {
	return v.by(device, typedVoucher(x), x.Sig)
}

func (v Verifier) by(signer fog.Address, m typed.Message, sig fog.Signature) error {
	got, err := typed.Recover(v.Domain, m, sig[:])
	if err != nil {
		return err
	}
	if fog.Address(got) != signer {
		return fmt.Errorf("%w: %v, want %v", ErrSigner, fog.Address(got), signer)
	}
	return nil
}
