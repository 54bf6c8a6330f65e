package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	const pass = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"=== RUN   A\n"}
{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:3: chatter\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	for _, c := range []struct {
		name, in, out string
		code          int
	}{
		{"passes", pass, "ok  \tp\t0.1s\n1 passed, 0 failed, 0 skipped\n", 0},
		{
			"failure shows its output", pass + `{"Action":"output","Package":"p","Test":"B","Output":"    b.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"B"}`,
			"ok  \tp\t0.1s\n    b.go:1: wrong\n1 passed, 1 failed, 0 skipped\n", 1,
		},
		{
			"skip shows its reason", pass + `{"Action":"output","Package":"p","Test":"C","Output":"    c.go:1: no display\n"}
{"Action":"skip","Package":"p","Test":"C"}`,
			"ok  \tp\t0.1s\n    c.go:1: no display\n1 passed, 0 failed, 1 skipped\n", 0,
		},
		{"a suite that broke is a failure", pass + `{"Action":"broke","Package":"suite x"}`, "ok  \tp\t0.1s\nsuite x: did not finish in order, see above\n1 passed, 0 failed, 0 skipped\n", 1},
		{"nothing ran", "", "0 passed, 0 failed, 0 skipped\n", 1},
		{"other lines pass through", "{\"json\":1}\n== vet\n" + pass, "{\"json\":1}\n== vet\nok  \tp\t0.1s\n1 passed, 0 failed, 0 skipped\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(strings.NewReader(c.in), &out); code != c.code || out.String() != c.out {
				t.Errorf("exit %d and %q, want %d and %q", code, out.String(), c.code, c.out)
			}
		})
	}
}
