package spectest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// script is one file of the suite.
type script struct {
	Commands []command `json:"commands"`
	dir      string
}

type command struct {
	Kind       string    `json:"type"`
	Line       int       `json:"line"`
	Name       string    `json:"name"`
	As         string    `json:"as"`
	File       string    `json:"filename"`
	Text       string    `json:"text"` // why it is to fail
	ModuleType string    `json:"module_type"`
	Action     action    `json:"action"`
	Expected   []operand `json:"expected"`
}

type action struct {
	Kind   string    `json:"type"`
	Module string    `json:"module"`
	Field  string    `json:"field"`
	Args   []operand `json:"args"`
}

// operand is a value as the script writes it: a decimal number, "null",
// "nan:canonical", "nan:arithmetic", nothing for any reference, or for a v128
// a list of lanes.
type operand struct {
	Type  string          `json:"type"`
	Lane  string          `json:"lane_type"`
	Value json.RawMessage `json:"value"`
}

func load(dir, file string) (*script, error) {
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	s := &script{dir: dir}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("script %s: %w", file, err)
	}
	return s, nil
}

func (s *script) read(file string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.dir, file))
}

// counts reports whether a command is a claim about the engine.
func (c *command) counts() bool { return c.Kind != "register" }

// shared are the modules, by their command, that others may import.
func (s *script) shared() map[int]bool {
	last, named, to := 0, map[string]int{}, map[int]bool{}
	for n, c := range s.Commands {
		switch c.Kind {
		case "module":
			last = n
			if c.Name != "" {
				named[c.Name] = n
			}
		case "register":
			if c.Name == "" {
				to[last] = true
			} else {
				to[named[c.Name]] = true
			}
		}
	}
	return to
}

var types = map[string]Type{
	"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128, "funcref": Funcref, "externref": Externref,
}

// value is an operand that is one value and no pattern.
func (o operand) value() (Value, error) {
	v := Value{Type: types[o.Type]}
	if v.Type == V128 {
		lanes, width, err := o.lanes()
		if err != nil {
			return v, err
		}
		for n, l := range lanes {
			bits, err := number(l, width)
			if err != nil {
				return v, err
			}
			at := n * width
			if at < 64 {
				v.Lo |= bits << at
			} else {
				v.Hi |= bits << (at - 64)
			}
		}
		return v, nil
	}
	s, err := o.text()
	switch {
	case err != nil:
		return v, err
	case s == "null":
		v.Null = true
		return v, nil
	}
	v.Lo, err = number(s, width(o.Type))
	return v, err
}

func (o operand) text() (string, error) {
	var s string
	if err := json.Unmarshal(o.Value, &s); err != nil {
		return "", fmt.Errorf("value %s of a %s: %w", o.Value, o.Type, err)
	}
	return s, nil
}

func (o operand) lanes() ([]string, int, error) {
	var lanes []string
	if err := json.Unmarshal(o.Value, &lanes); err != nil {
		return nil, 0, fmt.Errorf("lanes %s: %w", o.Value, err)
	}
	w := width(o.Lane)
	if len(lanes)*w != 128 {
		return nil, 0, fmt.Errorf("%d lanes of %d bits", len(lanes), w)
	}
	return lanes, w, nil
}

// width is how many bits a type or a lane has; a reference's number has 64.
func width(t string) int {
	switch t {
	case "i8":
		return 8
	case "i16":
		return 16
	case "i32", "f32":
		return 32
	default:
		return 64
	}
}

func number(s string, width int) (uint64, error) {
	if !strings.HasPrefix(s, "-") {
		return strconv.ParseUint(s, 10, width)
	}
	n, err := strconv.ParseInt(s, 10, width)
	return uint64(n) & (1<<width - 1), err // a shift by 64 gives 0 and the mask all ones
}
