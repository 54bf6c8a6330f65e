package wallet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sonm/wallet/typed"
)

// renewAhead is how long before its end a delegation is replaced: no job is
// planned for longer.
const renewAhead = 7 * 24 * time.Hour

// SignAsk signs an ask with the device key.
func (w *Wallet) SignAsk(ctx context.Context, a Ask) (Signature, error) {
	return w.device.Sign(ctx, w.domain, a)
}

// SignDeal signs a deal with the device key.
func (w *Wallet) SignDeal(ctx context.Context, d Deal) (Signature, error) {
	return w.device.Sign(ctx, w.domain, d)
}

// SignReceipt signs a receipt with the device key.
func (w *Wallet) SignReceipt(ctx context.Context, r Receipt) (Signature, error) {
	return w.device.Sign(ctx, w.domain, r)
}

// SignVoucher signs a voucher of this account with the device key. It returns
// ErrCap for a total above the delegation's cap.
func (w *Wallet) SignVoucher(ctx context.Context, v Voucher) (Signature, error) {
	if err := w.guard(ctx, v.Buyer, v.Total); err != nil {
		return Signature{}, err
	}
	return w.device.Sign(ctx, w.domain, v)
}

// SignBatch signs a batch of this account with the device key, so that anyone
// may bring it. It returns ErrCap for a sum above the delegation's cap.
func (w *Wallet) SignBatch(ctx context.Context, b Batch) (Signature, error) {
	payees, err := typed.UnpackPayees(b.Payees)
	if err != nil {
		return Signature{}, err
	}
	sum := new(big.Int)
	for _, p := range payees {
		sum.Add(sum, p.Total)
	}
	if err := w.guard(ctx, b.Buyer, sum); err != nil {
		return Signature{}, err
	}
	return w.device.Sign(ctx, w.domain, b)
}

// guard is the last check under a promise of money.
func (w *Wallet) guard(ctx context.Context, buyer Address, total *big.Int) error {
	if buyer != w.Account() {
		return fmt.Errorf("a promise in the name of %v, the account is %v", buyer, w.Account())
	}
	d, _, err := w.Delegation(ctx)
	if err != nil {
		return err
	}
	if total == nil || total.Cmp(d.Cap) > 0 {
		return fmt.Errorf("%w: %v wei, %v allowed", ErrCap, total, d.Cap)
	}
	return nil
}

// AskHash is the EIP-712 hash of an ask, the same on every network.
func AskHash(a Ask) ([32]byte, error) { return typed.StructHash(a) }

// DealHash is the EIP-712 hash of a deal, the same on every network.
func DealHash(d Deal) ([32]byte, error) { return typed.StructHash(d) }

// PeerHash is how an ask names a peer.
func PeerHash(id string) [32]byte { return typed.PeerHash(id) }

// AddrsHash is how an ask names addresses.
func AddrsHash(addrs []string) [32]byte { return typed.AddrsHash(addrs) }

// PackPayees writes payees as Batch holds them.
func PackPayees(payees []Payee) ([]byte, error) { return typed.PackPayees(payees) }

// Verify checks that signer's key signed m for this network.
func (w *Wallet) Verify(m Message, sig Signature, signer Address) error {
	got, err := typed.Recover(w.domain, m, sig[:])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if got != signer || signer == (Address{}) {
		return fmt.Errorf("%w: %T is signed by %v, want %v", ErrSignature, m, got, signer)
	}
	return nil
}

// VerifyDelegation checks a peer's delegation: that its account signed it,
// that it grants want, and that it has not ended. Whether Escrow knows it, and
// how much of its cap is left, EscrowDevice says.
func (w *Wallet) VerifyDelegation(d Delegation, sig Signature, want Purpose) error {
	if err := w.Verify(d, sig, d.Account); err != nil {
		return fmt.Errorf("%w: %w", ErrDelegation, err)
	}
	if d.Purposes&want != want || want == 0 {
		return fmt.Errorf("%w: it grants %03b, want %03b", ErrDelegation, d.Purposes, want)
	}
	if now := w.now().Unix(); now < 0 || d.Expiry < uint64(now) {
		return fmt.Errorf("%w: it ended at %v", ErrDelegation, time.Unix(int64(min(d.Expiry, 1<<40)), 0).UTC())
	}
	return nil
}

// VerifyBy checks that m was signed for account: by itself, or by the device
// of a delegation that allows it.
func (w *Wallet) VerifyBy(m Message, sig Signature, account Address, d Delegation, dsig Signature) error {
	if w.Verify(m, sig, account) == nil {
		return nil
	}
	if d.Account != account {
		return fmt.Errorf("%w: it is of %v, want %v", ErrDelegation, d.Account, account)
	}
	if err := w.VerifyDelegation(d, dsig, m.Purpose()); err != nil {
		return err
	}
	return w.Verify(m, sig, d.Device)
}

// Delegation is what the account lets this device do, signed by the account.
// It is kept on disk; a new one is signed, which needs the account unlocked,
// when there is none or it ends soon.
func (w *Wallet) Delegation(ctx context.Context) (Delegation, Signature, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.grantSig == (Signature{}) {
		d, sig, err := w.readGrant()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Delegation{}, Signature{}, fmt.Errorf("read the delegation: %w", err)
		}
		if err == nil {
			w.granted, w.grantSig = d, sig
		}
	}
	soon := uint64(w.now().Add(renewAhead).Unix())
	if w.grantSig != (Signature{}) && w.granted.Expiry > soon {
		return w.granted, w.grantSig, nil
	}
	err := w.grant(ctx, w.limit, 0)
	return w.granted, w.grantSig, err
}

// EnsureDelegated makes sure that Escrow knows this device, for at least half
// of what a delegation grants; it sends nothing if so. A device that has spent
// more, or ends soon, is granted anew.
func (w *Wallet) EnsureDelegated(ctx context.Context) error {
	d, sig, err := w.Delegation(ctx)
	if err != nil {
		return err
	}
	known, err := w.escrow.Device(ctx, w.Account(), w.Device())
	if err != nil {
		return err
	}
	if known.Revoked {
		return fmt.Errorf("%w: device %v was revoked for good", ErrDelegation, w.Device())
	}
	left := new(big.Int).Sub(d.Cap, known.Spent)
	enough := left.Cmp(new(big.Int).Rsh(w.limit, 1)) >= 0
	until := unix(known.Expiry)
	if enough && until == d.Expiry && known.Cap.Cmp(d.Cap) == 0 && known.Purposes == d.Purposes {
		return nil
	}
	if !enough || until >= d.Expiry {
		w.mu.Lock()
		err := w.grant(ctx, new(big.Int).Add(known.Spent, w.limit), until+1)
		d, sig = w.granted, w.grantSig
		w.mu.Unlock()
		if err != nil {
			return err
		}
	}
	_, err = w.escrow.Delegate(ctx, d, sig[:])
	return err
}

func unix(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.Unix())
}

// grant signs a delegation that ends no earlier than least, and keeps it. The
// caller holds mu.
func (w *Wallet) grant(ctx context.Context, limit *big.Int, least uint64) error {
	d := Delegation{
		Account: w.Account(), Device: w.Device(), Purposes: typed.PurposeDevice, Cap: new(big.Int).Set(limit),
		Expiry: max(uint64(w.now().Add(delegationLife).Unix()), least),
	}
	sig, err := w.account.Sign(ctx, w.domain, d)
	if err != nil {
		return fmt.Errorf("sign the delegation: %w", err)
	}
	if err := w.writeGrant(d, sig); err != nil {
		return fmt.Errorf("keep the delegation: %w", err)
	}
	w.granted, w.grantSig = d, sig
	return nil
}

// grantFile is a delegation on disk.
type grantFile struct {
	Account  Address `json:"account"`
	Device   Address `json:"device"`
	Purposes Purpose `json:"purposes"`
	Cap      string  `json:"cap"`
	Expiry   uint64  `json:"expiry"`
	Sig      []byte  `json:"sig"`
}

func (w *Wallet) grantPath() string {
	return filepath.Join(w.dir, "delegation-"+strconv.FormatUint(w.network.ChainID, 10)+".json")
}

// readGrant takes only what would convince a peer; anything else counts as
// absent, since a new one can always be signed.
func (w *Wallet) readGrant() (Delegation, Signature, error) {
	raw, err := os.ReadFile(w.grantPath())
	if err != nil {
		return Delegation{}, Signature{}, err
	}
	var f grantFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return Delegation{}, Signature{}, fs.ErrNotExist
	}
	limit, ok := new(big.Int).SetString(f.Cap, 10)
	d := Delegation{Account: f.Account, Device: f.Device, Purposes: f.Purposes, Cap: limit, Expiry: f.Expiry}
	ours := ok && len(f.Sig) == typed.SignatureLength && d.Account == w.Account() && d.Device == w.Device()
	if !ours || w.VerifyDelegation(d, Signature(f.Sig), typed.PurposeDevice) != nil {
		return Delegation{}, Signature{}, fs.ErrNotExist
	}
	return d, Signature(f.Sig), nil
}

func (w *Wallet) writeGrant(d Delegation, sig Signature) error {
	raw, err := json.Marshal(grantFile{
		Account: d.Account, Device: d.Device, Purposes: d.Purposes,
		Cap: d.Cap.String(), Expiry: d.Expiry, Sig: sig[:],
	})
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(w.dir, "delegation-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(raw)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), w.grantPath())
}
