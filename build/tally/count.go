package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// longestLine bounds one event; a test that prints more in one line than this
// is a test to be changed.
const longestLine = 16 << 20

// Count is how the tests ended. The zero value is ready.
type Count struct {
	Passed, Failed, Skipped int
	Broken                  []string // suites that failed, whatever their tests said
	held                    map[string]*bytes.Buffer
}

// event is one line of go test -json (see `go doc test2json`).
type event struct {
	Action, Package, Test, Output string
}

func (e event) key() string { return e.Package + "\x00" + e.Test }

// OK reports whether something ran and nothing failed.
func (c *Count) OK() bool { return c.Failed == 0 && len(c.Broken) == 0 && c.Passed > 0 }

// String is the closing line, with the broken suites above it.
func (c *Count) String() string {
	var b strings.Builder
	for _, s := range c.Broken {
		fmt.Fprintf(&b, "%s: did not finish in order, see above\n", s)
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
	return b.String()
}

// Read takes in until its end and writes to out what a person wants to see.
func (c *Count) Read(in io.Reader, out io.Writer) error {
	c.held = map[string]*bytes.Buffer{}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), longestLine)
	for lines.Scan() {
		var e event
		if line := lines.Bytes(); !bytes.HasPrefix(line, []byte(`{"`)) || json.Unmarshal(line, &e) != nil || e.Action == "" {
			fmt.Fprintf(out, "%s\n", line)
			continue
		}
		c.take(e, out)
	}
	return lines.Err()
}

func (c *Count) take(e event, out io.Writer) {
	switch e.Action {
	case "output":
		c.output(e, out)
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "broke":
		c.Broken = append(c.Broken, e.Package)
	case "pass", "fail", "skip":
		c.end(e, out)
	}
}

// output holds back what a test says until it is known how it ended; the lines
// of the package itself ("ok  sonm/engine/fog 0.01s") are printed at once.
func (c *Count) output(e event, out io.Writer) {
	if e.Test == "" {
		if e.Output != "PASS\n" {
			fmt.Fprint(out, e.Output)
		}
		return
	}
	b := c.held[e.key()]
	if b == nil {
		b = new(bytes.Buffer)
		c.held[e.key()] = b
	}
	if !strings.HasPrefix(e.Output, "=== ") {
		b.WriteString(e.Output)
	}
}

func (c *Count) end(e event, out io.Writer) {
	held := c.held[e.key()]
	delete(c.held, e.key())
	if e.Test == "" {
		return
	}
	switch e.Action {
	case "pass":
		c.Passed++
		return
	case "skip":
		c.Skipped++
	case "fail":
		c.Failed++
	}
	if held != nil {
		_, _ = held.WriteTo(out) // a broken terminal is not a failed test
	}
}
