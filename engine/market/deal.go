package market

import (
	"fmt"
	"slices"
)

// State is where a deal stands.
type State uint8

// The states of a deal.
const (
	Proposed State = iota // the buyer has signed and sent it
	Accepted              // the seller has signed too
	Open                  // the money is locked: tasks are leased
	Closing               // no more leases; the last voucher is being settled
	Settled               // paid on chain; over
	Refused               // the seller said no; over
	Broken                // a side vanished or cheated: nothing new, what was earned is still settled
)

var stateNames = [...]string{"proposed", "accepted", "open", "closing", "settled", "refused", "broken"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// ParseState reads the name of a state, as String writes it.
func ParseState(name string) (State, error) {
	i := slices.Index(stateNames[:], name)
	if i < 0 {
		return 0, fmt.Errorf("%q is not a state of a deal", name)
	}
	return State(i), nil
}

// moves returns the legal next states: the whole machine.
func (s State) moves() []State {
	return [...][]State{
		Proposed: {Accepted, Refused, Broken},
		Accepted: {Open, Broken},
		Open:     {Closing, Broken},
		Closing:  {Settled},
		Settled:  nil,
		Refused:  nil,
		Broken:   {Closing},
	}[s]
}

// MoveError says that a deal cannot go from one state to another.
type MoveError struct{ From, To State }

func (e MoveError) Error() string {
	return fmt.Sprintf("a deal that is %v cannot become %v", e.From, e.To)
}

// To moves the deal on; a move not in the table is a MoveError and leaves it.
func (s State) To(next State) (State, error) {
	if int(s) >= len(stateNames) || !slices.Contains(s.moves(), next) {
		return s, MoveError{From: s, To: next}
	}
	return next, nil
}

// Over reports whether no move is left.
func (s State) Over() bool { return s == Settled || s == Refused }

// Leasing reports whether tasks may be leased under the deal.
func (s State) Leasing() bool { return s == Open }
