package spectest

import (
	"errors"
	"fmt"
	"strings"
)

// meets says what is wrong with what a call gave, or nothing.
func meets(got []Value, want []operand) error {
	if len(got) != len(want) {
		return fmt.Errorf("gave %d values, want %d", len(got), len(want))
	}
	for n, o := range want {
		ok, err := o.matches(got[n])
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("gave %v, want %s %s%s", got[n], o.Type, o.Lane, o.Value)
		}
	}
	return nil
}

func (v Value) String() string {
	switch {
	case v.Null:
		return "null"
	case v.Type == V128:
		return fmt.Sprintf("v128 %#016x %#016x", v.Lo, v.Hi)
	default:
		return fmt.Sprintf("%#x", v.Lo)
	}
}

func (o operand) matches(v Value) (bool, error) {
	t := types[o.Type]
	switch {
	case v.Type != t:
		return false, nil
	case t == V128:
		return o.matchesLanes(v)
	case len(o.Value) == 0: // any reference but null
		return !v.Null, nil
	}
	s, err := o.text()
	if err != nil || v.Null || s == "null" {
		return v.Null && s == "null", err
	}
	return matchesNumber(s, v.Lo, width(o.Type))
}

func (o operand) matchesLanes(v Value) (bool, error) {
	lanes, w, err := o.lanes()
	if err != nil {
		return false, err
	}
	for n, l := range lanes {
		bits := v.Lo
		at := n * w
		if at >= 64 {
			bits, at = v.Hi, at-64
		}
		if ok, err := matchesNumber(l, bits>>at&(1<<w-1), w); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// matchesNumber compares bits. A canonical NaN has the top bit of the payload
// and no other, an arithmetic one that and any; the sign is free.
func matchesNumber(want string, bits uint64, w int) (bool, error) {
	quiet, sign := uint64(0x7fc00000), uint64(1<<31)
	if w == 64 {
		quiet, sign = 0x7ff8000000000000, 1<<63
	}
	switch want {
	case "nan:canonical":
		return bits&^sign == quiet, nil
	case "nan:arithmetic":
		return bits&quiet == quiet, nil
	}
	n, err := number(want, w)
	return n == bits, err
}

// words are what the engines say for what the specification says.
var words = map[string][]string{
	"out of bounds table access": {"out of bounds table access", "invalid table access"},
	"undefined element":          {"undefined element", "out of bounds table access", "invalid table access"},
	"uninitialized element":      {"uninitialized element", "invalid table access"},
	"uninitialized element 2":    {"uninitialized element", "invalid table access"},
	"call stack exhausted":       {"call stack exhausted", "stack overflow", "unreachable"}, // the last is what the gate has a module do
}

// stops says what is wrong with an error that should be a trap for a reason.
func stops(err error, reason string) error {
	if err == nil {
		return fmt.Errorf("did not trap, want %q", reason)
	}
	trap, ok := errors.AsType[*Trap](err)
	if !ok {
		return err
	}
	may := words[reason]
	if may == nil {
		may = []string{reason}
	}
	for _, w := range may {
		if strings.Contains(trap.Reason, w) {
			return nil
		}
	}
	return fmt.Errorf("stopped with %q, want %q", trap.Reason, reason)
}
