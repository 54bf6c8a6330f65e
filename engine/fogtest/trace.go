package fogtest

import (
	"fmt"
	"sync"
	"time"

	"sonm/engine/fog"
)

// Step is one thing a node did: wrote to its journal, signed, put on the wire,
// took off it, or told as a fact.
type Step struct {
	At   time.Time  // fake
	Peer fog.PeerID // who did it
	Kind Kind
	With fog.PeerID // the other side of Sent and Got
	What any        // the record, the signed noun, the wire body or the fact
}

// Kind is a kind of Step.
type Kind uint8

// The kinds of steps.
const (
	Wrote Kind = 1 + iota // on disk
	Signed
	Sent // handed to the network
	Got  // read by the node
	Told // a fact
)

func (k Kind) String() string {
	return [...]string{"?", "wrote", "signed", "sent", "got", "told"}[min(k, Told)]
}

func (s Step) String() string {
	return fmt.Sprintf("%s %s %v %T", s.At.Format("15:04:05.000"), s.Peer, s.Kind, s.What)
}

// Trace is all steps of a fog in the order in which they happened. A node's
// own steps are in its program order, so "on disk before on the wire" is a
// comparison of positions.
type Trace struct {
	mu    sync.Mutex
	steps []Step // guarded by mu
}

func (t *Trace) add(s Step) {
	s.At = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, s)
}

// Steps is a copy of what happened so far.
func (t *Trace) Steps() []Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Step(nil), t.steps...)
}

// Find is what the steps of a kind by a peer say, as far as it is a T; an
// empty peer means all of them.
func Find[T any](t *Trace, peer fog.PeerID, kind Kind) []T {
	var all []T
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.steps {
		if s.Kind != kind {
			continue
		}
		if v, ok := s.What.(T); ok && (peer == "" || s.Peer == peer) {
			all = append(all, v)
		}
	}
	return all
}
