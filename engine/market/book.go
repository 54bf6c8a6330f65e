// Package market decides who works for whom at what price: the book of live
// asks, the quote a person is shown, and the legal moves of a deal.
//
// It is pure: signatures are checked before an ask comes here, and the time is
// an argument. It signs, sends and stores nothing.
//
// # Why
//
// A quote's Max is what the buyer locks and can never be exceeded: twice the
// planned work at the dearest price chosen, because a task pays for at most
// twice its plan (package proof) and any task may end up with any seller. The
// expected cost is far below it; the rest comes back. A tighter bound would
// need tasks bound to sellers in advance, which a seller that vanishes breaks.
package market

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"sonm/engine/fog"
)

// Limits of an ask that enters the book.
const (
	MaxLife  = 24 * time.Hour // of an ask past now: an ask is a promise, not an archive
	MaxSlots = 1024           // tasks at once on one computer
	maxAddrs = 16
	maxAddr  = 256 // bytes of one multiaddr
	maxPeer  = 128 // bytes of a peer id
)

// DefaultBookSize is the number of asks a book holds when told nothing.
const DefaultBookSize = 4096

// Reasons a book refuses an ask.
var (
	ErrExpired = errors.New("the ask has expired")
	ErrStale   = errors.New("a newer ask of this seller is known")
	ErrFull    = errors.New("the order book is full of cheaper asks")
	ErrAsk     = errors.New("malformed ask")
)

// Book holds the newest ask of each seller. It has one owner; it is not safe
// for use from several goroutines at once.
type Book struct {
	size int
	asks map[maker]fog.Ask
}

// maker is who an ask is filed under. The device is part of it because the ask
// is signed by the device and only claims the seller: whoever forges that claim
// must not displace the seller's own ask.
type maker struct{ seller, device fog.Address }

func makerOf(a fog.Ask) maker { return maker{a.Seller, a.Device} }

// NewBook makes a book of at most size asks; size < 1 = DefaultBookSize.
func NewBook(size int) *Book {
	if size < 1 {
		size = DefaultBookSize
	}
	return &Book{size: size, asks: map[maker]fog.Ask{}}
}

// Put enters an ask whose signature the caller has verified, and reports
// whether the book changed: the same ask heard again changes nothing. The
// newest nonce of a seller's device wins; a full book keeps the cheaper asks.
func (b *Book) Put(a fog.Ask, now time.Time) (bool, error) {
	if err := checkAsk(a, now); err != nil {
		return false, fmt.Errorf("ask of %v: %w", a.Seller, err)
	}
	old, known := b.asks[makerOf(a)]
	if known && a.Nonce <= old.Nonce {
		if a.Nonce == old.Nonce && a.Sig == old.Sig {
			return false, nil
		}
		return false, fmt.Errorf("ask of %v with nonce %d after %d: %w", a.Seller, a.Nonce, old.Nonce, ErrStale)
	}
	if !known && len(b.asks) >= b.size {
		b.Expire(now)
	}
	if !known && len(b.asks) >= b.size {
		dear := slices.MaxFunc(b.list(), byPrice)
		if a.Price.Cmp(dear.Price) >= 0 {
			return false, fmt.Errorf("ask of %v at %v SNM: %w", a.Seller, a.Price, ErrFull)
		}
		delete(b.asks, makerOf(dear))
	}
	a.Addrs = slices.Clone(a.Addrs)
	b.asks[makerOf(a)] = a
	return true, nil
}

// Remove forgets the ask of a seller's device, and reports whether there was
// one.
func (b *Book) Remove(seller, device fog.Address) bool {
	_, ok := b.asks[maker{seller, device}]
	delete(b.asks, maker{seller, device})
	return ok
}

// Expire forgets the asks that are over at now, and returns how many.
func (b *Book) Expire(now time.Time) int {
	n := len(b.asks)
	for s, a := range b.asks {
		if !a.Expiry.After(now) {
			delete(b.asks, s)
		}
	}
	return n - len(b.asks)
}

// Asks are those live at now, cheapest first; ties by seller's address.
func (b *Book) Asks(now time.Time) []fog.Ask {
	live := slices.DeleteFunc(b.list(), func(a fog.Ask) bool { return !a.Expiry.After(now) })
	slices.SortFunc(live, byPrice)
	return live
}

// Len is the number of asks held, expired ones included.
func (b *Book) Len() int { return len(b.asks) }

func (b *Book) list() []fog.Ask {
	l := make([]fog.Ask, 0, len(b.asks))
	for _, a := range b.asks {
		l = append(l, a)
	}
	return l
}

func byPrice(a, b fog.Ask) int {
	return cmp.Or(a.Price.Cmp(b.Price), bytes.Compare(a.Seller[:], b.Seller[:]))
}

func checkAsk(a fog.Ask, now time.Time) error {
	switch {
	case !a.Expiry.After(now):
		return ErrExpired
	case a.Expiry.After(now.Add(MaxLife)):
		return fmt.Errorf("%w: it lives past %v", ErrAsk, MaxLife)
	case a.Seller == fog.Address{}:
		return fmt.Errorf("%w: no seller", ErrAsk)
	case a.Price.Big().BitLen() > 128:
		return fmt.Errorf("%w: the price has more than 128 bits", ErrAsk)
	case a.Slots < 1 || a.Slots > MaxSlots:
		return fmt.Errorf("%w: %d slots, 1 to %d can be", ErrAsk, a.Slots, MaxSlots)
	case a.Peer == "" || len(a.Peer) > maxPeer:
		return fmt.Errorf("%w: a peer id of %d bytes", ErrAsk, len(a.Peer))
	case len(a.Addrs) > maxAddrs:
		return fmt.Errorf("%w: %d addresses, %d fit", ErrAsk, len(a.Addrs), maxAddrs)
	}
	for _, s := range a.Addrs {
		if len(s) > maxAddr {
			return fmt.Errorf("%w: an address of %d bytes, %d fit", ErrAsk, len(s), maxAddr)
		}
	}
	return nil
}
