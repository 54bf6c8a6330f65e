// Command tally reads the events of `go test -json` on its standard input,
// prints what `go test` would have printed plus the reason of each skip, and
// closes with one line: "N passed, N failed, N skipped".
//
// Lines that are not events pass through, so that several commands can write
// into one pipe. It exits 1 when a test failed, when a suite broke without a
// failing test (a build error, a crash), and when nothing ran at all.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Stdin, os.Stdout)) }

func run(in io.Reader, out io.Writer) int {
	var c Count
	if err := c.Read(in, out); err != nil {
		fmt.Fprintln(out, "tally:", err)
		return 1
	}
	fmt.Fprintln(out, c.String())
	if !c.OK() {
		return 1
	}
	return 0
}
