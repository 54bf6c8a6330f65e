//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Cost is what a finished child process took.
type Cost struct {
	Wall time.Duration
	CPU  time.Duration // user + system, of the child and of those it waited for
	Peak int64         // bytes of resident memory, of the largest of them
	Out  []byte        // standard output
}

// mostSaid is how much of a failed child's standard error is repeated.
const mostSaid = 2000

// Child runs a program to its end and answers with what it took. It fails if
// the program does, with the end of what it said.
func Child(ctx context.Context, program string, args ...string) (Cost, error) {
	var out, said bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Stdout, c.Stderr = &out, &said
	c.WaitDelay = 5 * time.Second
	start := time.Now()
	err := c.Run()
	wall := time.Since(start)
	if err != nil {
		b := said.Bytes()
		return Cost{}, fmt.Errorf("%s: %w: %s", program, err, b[max(0, len(b)-mostSaid):])
	}
	use, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return Cost{}, errors.New("this system does not say what a process took")
	}
	unit := int64(1024) // Linux counts kilobytes (getrusage(2))
	if runtime.GOOS == "darwin" {
		unit = 1 // and macOS bytes
	}
	return Cost{
		Wall: wall,
		CPU:  c.ProcessState.UserTime() + c.ProcessState.SystemTime(),
		Peak: int64(use.Maxrss) * unit, //nolint:unconvert // 32 bits on some systems
		Out:  out.Bytes(),
	}, nil
}
