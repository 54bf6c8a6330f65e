package sandbox

import "fmt"

// Kind tells failures apart by what the caller should do next. The values are
// part of the protocol with the child.
type Kind uint8

// The kinds of failure. Only Unsupported and Crashed are worth another engine
// and a Session has then tried them all, as it has tried two if it says Trap;
// every other kind would come out the same on any honest machine, except the
// limits on time.
const (
	Unsupported Kind = 1 + iota // this engine cannot compile the module
	Invalid                     // not a guest: the module or its answer breaks the rules
	Trap                        // the guest stopped itself: unreachable, out of bounds, exit
	Refused                     // the guest understood and said no; Msg is its own sentence
	LimitMemory                 // wants more guest memory than allowed
	LimitCPU                    // used more processor time than allowed
	LimitWall                   // took longer than allowed
	LimitOutput                 // answered with more bytes than allowed
	Crashed                     // the child process died
	Violation                   // the child did something the lock-down forbids
	LimitStack                  // calls went deeper than allowed
)

var kindNames = [...]string{
	Unsupported: "unsupported", Invalid: "invalid", Trap: "trap", Refused: "refused",
	LimitMemory: "memory limit", LimitCPU: "processor limit", LimitWall: "time limit", LimitOutput: "output limit",
	Crashed: "crashed", Violation: "violation", LimitStack: "stack limit",
}

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool { return k >= Unsupported && k <= LimitStack }

func (k Kind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// Error is every failure of a guest or its child. Msg is one sentence for a
// person without a final period; it may quote the guest and holds no control
// characters.
type Error struct {
	Kind Kind
	Msg  string
}

func (e *Error) Error() string { return e.Kind.String() + ": " + e.Msg }

// Errorf makes an Error with a formatted sentence.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{k, fmt.Sprintf(format, args...)}
}
