package fogtest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"sonm/engine/fog"
	"sonm/engine/proof"
)

// ErrForged says that a signature is not of the key it should be of.
var ErrForged = errors.New("signed by another key")

// Ring knows every key of a fog and checks signatures with them. A signature
// is an HMAC-SHA256 under the signer's own key: a thousand times cheaper than
// the real ones, and just as impossible to make for a role that holds only its
// own Keys.
type Ring struct {
	mu   sync.Mutex
	keys map[fog.Address][32]byte // guarded by mu
}

func newRing() *Ring { return &Ring{keys: map[fog.Address][32]byte{}} }

// key makes the key of a name, which is the same in every fog of the seed.
func (r *Ring) key(seed uint64, name string) fog.Address {
	secret := fog.HashOf([]byte("fogtest key"), binary.BigEndian.AppendUint64(nil, seed), []byte(name))
	public := fog.HashOf([]byte("fogtest address"), secret[:])
	addr := fog.Address(public[:20])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[addr] = secret
	return addr
}

func (r *Ring) sign(by fog.Address, purpose string, digest fog.Hash) (sig fog.Signature) {
	r.mu.Lock()
	key, known := r.keys[by]
	r.mu.Unlock()
	if !known {
		return sig
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(purpose))
	mac.Write(digest[:])
	copy(sig[:], mac.Sum(nil))
	sig[64] = 27
	return sig
}

func (r *Ring) verify(by fog.Address, purpose string, digest fog.Hash, sig fog.Signature) error {
	if want := r.sign(by, purpose, digest); want == (fog.Signature{}) || !hmac.Equal(want[:], sig[:]) {
		return fmt.Errorf("%s of %v: %w", purpose, by, ErrForged)
	}
	return nil
}

// VerifyDelegation implements the roles' Verifier.
func (r *Ring) VerifyDelegation(d fog.Delegation, purpose fog.Purpose, now time.Time) error {
	if d.Purposes&purpose != purpose || now.After(d.Expiry) {
		return fmt.Errorf("the delegation of %v is for purposes %03b until %v", d.Account, d.Purposes, d.Expiry)
	}
	return r.verify(d.Account, "delegation", delegationDigest(d), d.Sig)
}

// VerifyAsk checks that the ask is signed by the device it names.
func (r *Ring) VerifyAsk(a fog.Ask) error {
	return r.verify(a.Device, "ask", fog.Hash(a.ID()), a.Sig)
}

// VerifyDeal implements the roles' Verifier.
func (r *Ring) VerifyDeal(d fog.Deal, sig fog.Signature, device fog.Address) error {
	return r.verify(device, "deal", fog.Hash(d.ID()), sig)
}

// VerifyReceipt implements buyer.Verifier.
func (r *Ring) VerifyReceipt(x fog.Receipt, device fog.Address) error {
	return r.verify(device, "receipt", proof.ReceiptHash(x), x.Sig)
}

// VerifyVoucher implements worker.Verifier.
func (r *Ring) VerifyVoucher(v fog.Voucher, device fog.Address) error {
	return r.verify(device, "voucher", voucherDigest(v), v.Sig)
}

func delegationDigest(d fog.Delegation) fog.Hash {
	return fog.HashOf(d.Account[:], d.Device[:], []byte{byte(d.Purposes)}, d.Cap[:], binary.BigEndian.AppendUint64(nil, uint64(d.Expiry.Unix())))
}

func voucherDigest(v fog.Voucher) fog.Hash {
	return fog.HashOf(v.Buyer[:], v.Seller[:], binary.BigEndian.AppendUint32(nil, v.Epoch), v.Total[:])
}

// Keys are one node's account and device key; every signature is a Step.
type Keys struct {
	ring  *Ring
	trace *Trace
	peer  fog.PeerID
	del   fog.Delegation
}

func newKeys(seed uint64, name string, ring *Ring, trace *Trace) *Keys {
	k := &Keys{ring: ring, trace: trace, peer: peerOf(name), del: fog.Delegation{
		Account: ring.key(seed, name+" account"), Device: ring.key(seed, name+" device"),
		Purposes: fog.PurposeOrder | fog.PurposeReceipt | fog.PurposeVoucher,
		Cap:      fog.Wei(1 << 62), Expiry: time.Now().Add(30 * 24 * time.Hour).UTC().Truncate(time.Second),
	}}
	k.del.Sig = ring.sign(k.del.Account, "delegation", delegationDigest(k.del))
	return k
}

// Account is the account behind the device key.
func (k *Keys) Account() fog.Address { return k.del.Account }

// Delegation implements the roles' Keys.
func (k *Keys) Delegation() fog.Delegation { return k.del }

// SignAsk implements worker.Keys.
func (k *Keys) SignAsk(_ context.Context, a fog.Ask) (fog.Ask, error) {
	a.Sig = k.ring.sign(k.del.Device, "ask", fog.Hash(a.ID()))
	return a, nil
}

// SignDeal implements the roles' Keys.
func (k *Keys) SignDeal(_ context.Context, d fog.Deal) (fog.Signature, error) {
	k.trace.add(Step{Peer: k.peer, Kind: Signed, What: d})
	return k.ring.sign(k.del.Device, "deal", fog.Hash(d.ID())), nil
}

// SignReceipt implements worker.Keys.
func (k *Keys) SignReceipt(_ context.Context, r fog.Receipt) (fog.Receipt, error) {
	r.Sig = k.ring.sign(k.del.Device, "receipt", proof.ReceiptHash(r))
	k.trace.add(Step{Peer: k.peer, Kind: Signed, What: r})
	return r, nil
}

// SignVoucher implements buyer.Keys.
func (k *Keys) SignVoucher(_ context.Context, v fog.Voucher) (fog.Voucher, error) {
	v.Sig = k.ring.sign(k.del.Device, "voucher", voucherDigest(v))
	k.trace.add(Step{Peer: k.peer, Kind: Signed, What: v})
	return v, nil
}
