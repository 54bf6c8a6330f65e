// Package conform holds the programs by which the engines are compared with
// each other and with native code: seven kernels, each a guest of ABI version 1
// in testdata and, from the same C sources, a native program (kernels/build.sh).
// Its tests hold every engine to the same bytes; build/bench takes the times.
package conform

import (
	"bufio"
	"context"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed testdata/*.wasm
var modules embed.FS

// Call is the seed and the size that a kernel's open or task is called with.
type Call struct {
	Seed uint64
	Size uint32 // at least 1; what it counts is the kernel's own
}

// Bytes is the call as the guest takes it.
func (c Call) Bytes() []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(nil, c.Seed), c.Size)
}

// Work is how much a kernel is asked for.
type Work struct{ Open, Task uint32 }

// Kernel is one of the seven.
type Kernel struct {
	Name  string
	Small Work // some milliseconds
	Large Work // a third of a second of one core, in memory as programs use it
}

// Kernels are all seven: floats with branches, doubles with divisions,
// integers, vectors, memory at random, a loop of three operations, memory in a row.
func Kernels() []Kernel {
	return []Kernel{
		{"pathtracer", Work{300, 8}, Work{50_000, 180}},
		{"nbody", Work{11, 100}, Work{12, 250_000}},
		{"sha256", Work{40, 2}, Work{16 << 10, 100}},
		{"matmul", Work{100, 2}, Work{1024, 48}},
		{"hashjoin", Work{500, 2}, Work{1 << 20, 6 << 10}},
		{"mandelbrot", Work{1, 20}, Work{1, 600}},
		{"triad", Work{5000, 3}, Work{2 << 20, 240}},
	}
}

// Module is the guest.
func (k Kernel) Module() []byte {
	b, err := modules.ReadFile("testdata/" + k.Name + ".wasm")
	if err != nil {
		panic("conform: " + err.Error()) // it is embedded
	}
	return b
}

// BuildNative compiles the native programs into dir with gcc -O3, from the
// sources in folder kernels.
func BuildNative(ctx context.Context, kernels, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, filepath.Join(kernels, "build.sh"), "-native", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("build the native kernels: %w: %s", err, out)
	}
	return nil
}

// Answer is what a native task gave.
type Answer struct {
	Payload []byte
	Work    uint64
	CPU     time.Duration // of the task alone
}

// Native is a running native kernel. It belongs to one goroutine.
type Native struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// StartNative starts k out of dir. It ends with Close or ctx.
func StartNative(ctx context.Context, dir string, k Kernel) (*Native, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(dir, k.Name))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("native %s: %w", k.Name, err)
	}
	return &Native{cmd, in, bufio.NewReader(out)}, nil
}

// Open makes the data of all later tasks.
func (n *Native) Open(c Call) error {
	_, err := fmt.Fprintf(n.in, "open %d %d\n", c.Seed, c.Size)
	return err
}

// Task does one task on them.
func (n *Native) Task(c Call) (Answer, error) {
	var a Answer
	if _, err := fmt.Fprintf(n.in, "task %d %d\n", c.Seed, c.Size); err != nil {
		return a, err
	}
	var payload string
	if _, err := fmt.Fscanf(n.out, "%d %s %d\n", &a.Work, &payload, &a.CPU); err != nil {
		return a, fmt.Errorf("answer of %s: %w", n.cmd.Path, err)
	}
	var err error
	a.Payload, err = hex.DecodeString(payload)
	return a, err
}

// Close ends the program.
func (n *Native) Close() error {
	return errors.Join(n.in.Close(), n.cmd.Wait())
}
