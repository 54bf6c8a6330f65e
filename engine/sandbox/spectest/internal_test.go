package spectest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Run(m, Options{Open: openFickle})) }

// fickle is an engine with one module, whose exports say what becomes of it.
type fickle struct{}

func openFickle() (Engine, error) { return fickle{}, nil }

func (fickle) Compile([]byte) (Module, error) { return fickle{}, nil }

func (fickle) Instantiate(func(string) Instance) (Instance, error) { return fickle{}, nil }

func (fickle) Call(export string, args []Value) ([]Value, error) {
	switch export {
	case "same":
		return args, nil
	case "trap":
		return nil, &Trap{"integer overflow"}
	case "refuse":
		return nil, fmt.Errorf("no function %q", export)
	case "panic":
		panic(export)
	case "luck": // passes at first, and not when it is played again
		if strings.Contains(os.Getenv(variable), `"From":0,`) {
			break
		}
		fallthrough
	case "crash":
		fmt.Fprintln(os.Stderr, "\nSIGSEGV: pretended")
		os.Exit(2)
	}
	return nil, nil
}

func (fickle) Global(string) (Value, error) { return Value{}, fmt.Errorf("no globals") }

// TestVerdicts plays scripts on an engine whose faults are known: each must be
// seen, and a crash must cost one verdict only.
func TestVerdicts(t *testing.T) {
	call := func(kind, field, arg, want string) string {
		return fmt.Sprintf(`{"type":%q,"text":"integer overflow","action":{"type":"invoke","field":%q,"args":[%s]},"expected":[%s]}`, kind, field, arg, want)
	}
	cases := []struct{ command, want string }{
		{`{"type":"module","filename":"m"}`, ""},
		{call("assert_return", "same", `{"type":"i32","value":"7"}`, `{"type":"i32","value":"7"}`), ""},
		{call("assert_return", "same", `{"type":"i32","value":"7"}`, `{"type":"i32","value":"8"}`), `gave 0x7, want i32 "8"`},
		{call("assert_return", "same", `{"type":"i32","value":"7"}`, `{"type":"i64","value":"7"}`), `gave 0x7, want i64 "7"`},
		{call("assert_return", "same", `{"type":"i32","value":"7"}`, ``), "gave 1 values, want 0"},
		{call("action", "luck", "", ""), "crash: SIGSEGV: pretended"},
		{call("assert_trap", "trap", "", ""), ""},
		{call("assert_trap", "refuse", "", ""), `no function "refuse"`},
		{call("assert_trap", "void", "", ""), `did not trap, want "integer overflow"`},
		{call("assert_exhaustion", "crash", "", ""), "crash: SIGSEGV: pretended"},
		{call("assert_return", "void", "", ""), ""},
		{call("action", "crash", "", ""), "crash: SIGSEGV: pretended"},
		{call("action", "panic", "", ""), "panic: panic"},
		{`{"type":"assert_malformed","filename":"m","module_type":"text"}`, "skip"},
		{`{"type":"assert_invalid","filename":"m","text":"type mismatch"}`, `compiles, want "type mismatch"`},
		{`{"type":"assert_unlinkable","filename":"m","text":"unknown import"}`, `links, want "unknown import"`},
		{`{"type":"assert_uninstantiable","filename":"m","text":"unreachable"}`, `did not trap, want "unreachable"`},
		{call("action", "crash", "", ""), "crash: SIGSEGV: pretended"},
	}
	dir := t.TempDir()
	var commands []string
	for _, c := range cases {
		commands = append(commands, c.command)
	}
	text := `{"commands":[` + strings.Join(commands, ",") + `]}`
	for name, text := range map[string]string{"s.json": text, "m": string(magic)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := play(t.Context(), dir, "s.json", len(cases))
	if err != nil {
		t.Fatal(err)
	}
	for n, c := range cases {
		got := all[n].Fault
		if all[n].Skipped {
			got = "skip"
		}
		if all[n].Command != n || got != c.want {
			t.Errorf("verdict on %s = %q of command %d, want %q of %d", c.command, got, all[n].Command, c.want, n)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want string
		got  Value
		ok   bool
	}{
		{`{"type":"i32","value":"-1"}`, Value{Type: I32, Lo: 0xffffffff}, true},
		{`{"type":"i64","value":"18446744073709551615"}`, Value{Type: I64, Lo: 1<<64 - 1}, true},
		{`{"type":"f32","value":"2147483648"}`, Value{Type: F32}, false}, // -0 is not 0
		{`{"type":"f32","value":"nan:canonical"}`, Value{Type: F32, Lo: 0xffc00000}, true},
		{`{"type":"f32","value":"nan:canonical"}`, Value{Type: F32, Lo: 0x7fc00001}, false},
		{`{"type":"f32","value":"nan:arithmetic"}`, Value{Type: F32, Lo: 0x7fc00001}, true},
		{`{"type":"f32","value":"nan:arithmetic"}`, Value{Type: F32, Lo: 0x7fa00000}, false}, // signals
		{`{"type":"f64","value":"nan:canonical"}`, Value{Type: F64, Lo: 0x7ff8000000000000}, true},
		{`{"type":"f64","value":"nan:arithmetic"}`, Value{Type: F64, Lo: 0x7ff0000000000000}, false}, // infinite
		{`{"type":"v128","lane_type":"i8","value":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16"]}`, Value{Type: V128, Lo: 0x0807060504030201, Hi: 0x100f0e0d0c0b0a09}, true},
		{`{"type":"v128","lane_type":"f32","value":["1","nan:canonical","3","nan:arithmetic"]}`, Value{Type: V128, Lo: 0x7fc0000000000001, Hi: 0x7fc0123400000003}, true},
		{`{"type":"v128","lane_type":"f32","value":["1","nan:canonical","3","nan:arithmetic"]}`, Value{Type: V128, Lo: 0x7fc0000000000001, Hi: 0x7fc0123400000004}, false},
		{`{"type":"externref","value":"2"}`, Value{Type: Externref, Lo: 2}, true},
		{`{"type":"externref","value":"2"}`, Value{Type: Externref, Null: true}, false},
		{`{"type":"externref","value":"null"}`, Value{Type: Externref}, false},
		{`{"type":"funcref"}`, Value{Type: Funcref}, true},
		{`{"type":"funcref"}`, Value{Type: Funcref, Null: true}, false},
	} {
		var o operand
		if err := json.Unmarshal([]byte(c.want), &o); err != nil {
			t.Fatal(err)
		}
		if ok, err := o.matches(c.got); ok != c.ok || err != nil {
			t.Errorf("%s matches %v = %v, %v, want %v", c.want, c.got, ok, err, c.ok)
		}
	}
}

// TestLedger says a span only where nothing between its ends passed.
func TestLedger(t *testing.T) {
	l := ledger{}
	for _, c := range []struct{ command, line int }{{1, 3}, {2, 5}, {3, 5}, {5, 8}, {6, 8}} {
		l.enter("a.json", "odd", c.command, c.line)
	}
	if got, want := l[entry{"a.json", "odd"}].String(), "5 at 3-5,8"; got != want {
		t.Errorf("ledger = %q, want %q", got, want)
	}
}
