// Package settle is where the engine meets the wallet: it says the engine's
// nouns in the wallet's typed data, and gives the roles their keys, verifier
// and ledger.
//
// It holds no keys and moves no money by itself; every call ends in package
// wallet.
package settle

import (
	"fmt"
	"math/big"
	"time"

	"sonm/engine/fog"
	"sonm/wallet/typed"
)

func typedDelegation(d fog.Delegation) typed.Delegation {
	return typed.Delegation{
		Account: [20]byte(d.Account), Device: [20]byte(d.Device), Purposes: typed.Purpose(d.Purposes),
		Cap: d.Cap.Big(), Expiry: seconds(d.Expiry),
	}
}

func typedAsk(a fog.Ask) typed.Ask {
	return typed.Ask{
		Seller: [20]byte(a.Seller), Device: [20]byte(a.Device), Peer: typed.PeerHash(string(a.Peer)),
		Addrs: typed.AddrsHash(a.Addrs), Price: a.Price.Big(), Slots: a.Slots, Memory: a.Memory, Expiry: seconds(a.Expiry), Nonce: a.Nonce,
	}
}

func typedDeal(d fog.Deal) typed.Deal {
	return typed.Deal{
		Job: d.Job, Ask: d.Ask, Buyer: [20]byte(d.Buyer), Seller: [20]byte(d.Seller), Module: d.Module, Input: d.Input,
		Price: d.Price.Big(), Cap: d.Cap.Big(), Secret: d.Secret, Expiry: seconds(d.Expiry),
	}
}

func typedReceipt(r fog.Receipt) typed.Receipt {
	return typed.Receipt{Deal: r.Deal, Task: r.Task, Attempt: r.Attempt, Spec: r.Spec, Result: r.Result, Work: r.Work, Level: uint32(r.Level)}
}

func typedVoucher(v fog.Voucher) typed.Voucher {
	return typed.Voucher{Buyer: [20]byte(v.Buyer), Seller: [20]byte(v.Seller), Epoch: v.Epoch, Total: v.Total.Big()}
}

// seconds is a time as contracts know it; before 1970 nothing was signed.
func seconds(t time.Time) uint64 {
	s := t.Unix()
	if s < 0 {
		return 0
	}
	return uint64(s)
}

func amount(v *big.Int) (fog.Amount, error) {
	if v == nil {
		return fog.Amount{}, fmt.Errorf("amount is missing")
	}
	return fog.AmountOf(v)
}
