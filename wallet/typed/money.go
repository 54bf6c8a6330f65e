package typed

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// The types as EIP-712 writes them; Escrow.sol holds the same strings.
const (
	domainType     = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
	delegationType = "Delegation(address account,address device,uint8 purposes,uint128 cap,uint64 expiry)"
	voucherType    = "Voucher(address buyer,address seller,uint32 epoch,uint128 total)"
	batchType      = "Batch(address buyer,uint32 epoch,bytes payees)"
)

const (
	amountBits  = 128 // uint128 in every message but a batch
	payeeBits   = 96  // a batch packs an address and a total into 32 bytes
	payeeLength = 32
)

// Delegation lets a device key sign for an account. It is signed by the
// account, and Escrow knows it.
type Delegation struct {
	Account  common.Address
	Device   common.Address
	Purposes Purpose
	Cap      *big.Int // most the device may pay out in all, in wei of SNM; < 2^128
	Expiry   uint64   // last second it is valid, Unix time
}

// Purpose is PurposeAccount: only an account delegates.
func (Delegation) Purpose() Purpose { return PurposeAccount }

func (d Delegation) structHash() ([32]byte, error) {
	limit, err := amountWord("delegation cap", d.Cap, amountBits)
	if err != nil {
		return limit, err
	}
	return hash(delegationType, addressWord(d.Account), addressWord(d.Device),
		uint64Word(uint64(d.Purposes)), limit, uint64Word(d.Expiry)), nil
}

// Voucher is a buyer's cumulative promise to one seller.
type Voucher struct {
	Buyer  common.Address
	Seller common.Address
	Epoch  uint32   // of the buyer's account in Escrow
	Total  *big.Int // everything earned in the epoch, fee included; < 2^128
}

// Purpose is PurposeVoucher.
func (Voucher) Purpose() Purpose { return PurposeVoucher }

func (v Voucher) structHash() ([32]byte, error) {
	total, err := amountWord("voucher total", v.Total, amountBits)
	if err != nil {
		return total, err
	}
	return hash(voucherType, addressWord(v.Buyer), addressWord(v.Seller), uint64Word(uint64(v.Epoch)), total), nil
}

// Payee is one seller of a batch and all it has earned in the epoch.
type Payee struct {
	Seller common.Address
	Total  *big.Int // fee included; < 2^96
}

// Batch settles with many sellers under one signature.
type Batch struct {
	Buyer  common.Address
	Epoch  uint32
	Payees []byte // see PackPayees
}

// Purpose is PurposeVoucher.
func (Batch) Purpose() Purpose { return PurposeVoucher }

func (b Batch) structHash() ([32]byte, error) {
	if len(b.Payees) == 0 || len(b.Payees)%payeeLength != 0 {
		return [32]byte{}, fmt.Errorf("payees of %d bytes, want a multiple of %d", len(b.Payees), payeeLength)
	}
	return hash(batchType, addressWord(b.Buyer), uint64Word(uint64(b.Epoch)), keccak(b.Payees)), nil
}

// PackPayees writes payees as settle reads them: 20 bytes of the seller and 12
// of the total, one after the other.
func PackPayees(payees []Payee) ([]byte, error) {
	packed := make([]byte, 0, payeeLength*len(payees))
	for _, p := range payees {
		total, err := amountWord("total of "+p.Seller.Hex(), p.Total, payeeBits)
		if err != nil {
			return nil, err
		}
		packed = append(append(packed, p.Seller[:]...), total[20:]...)
	}
	return packed, nil
}

// UnpackPayees reads what PackPayees wrote.
func UnpackPayees(packed []byte) ([]Payee, error) {
	if len(packed) == 0 || len(packed)%payeeLength != 0 {
		return nil, fmt.Errorf("payees of %d bytes, want a multiple of %d", len(packed), payeeLength)
	}
	payees := make([]Payee, 0, len(packed)/payeeLength)
	for p := packed; len(p) > 0; p = p[payeeLength:] {
		payees = append(payees, Payee{
			Seller: common.BytesToAddress(p[:20]),
			Total:  new(big.Int).SetBytes(p[20:payeeLength]),
		})
	}
	return payees, nil
}
