package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The job that is timed: more than five minutes of one core's work, so that
// what does not get shorter with more sellers shows as it does in real jobs.
const (
	jobSide    = 512
	jobSamples = 640
)

// settling is the job before it: all of it is re-run, after which the buyer
// knows both sellers well enough to check them as rarely as it ever does.
var settling = []string{"--width", "256", "--height", "256", "--samples", "8", "--tile", "16", "--block", "2", "--check", "1"}

// summary is what the bench reads of a job's JSON.
type summary struct {
	Wall    float64 `json:"wall_s"`
	Render  float64 `json:"render_s"`
	Gas     uint64  `json:"gas"`
	Tasks   int     `json:"tasks"`
	Checked int     `json:"checked"`
}

// bought is one finished job as whoever typed the command saw it.
type bought struct {
	summary
	wall    time.Duration // from the command to its end
	preview time.Duration // from the command to the first tile
}

// measureJob takes a whole job: its wall time with one and two sellers that
// have served the buyer before, the part of it in which nobody renders, when
// the first tile is there, and the gas of a new buyer.
func measureJob(ctx context.Context, b *Bench) (err error) {
	f, err := openFair(ctx, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	first, err := f.render(ctx, 2, settling...)
	if err != nil {
		return err
	}
	size := []string{"--width", strconv.Itoa(jobSide), "--height", strconv.Itoa(jobSide), "--samples", strconv.Itoa(jobSamples)}
	one, err := f.render(ctx, 1, size...)
	if err != nil {
		return err
	}
	two, err := f.render(ctx, 2, size...)
	if err != nil {
		return err
	}
	add := func(name string, v float64, unit string, better Better, rival string) error {
		return b.Add(Figure{Name: name, Value: v, Unit: unit, Better: better, Rival: rival, Runs: 1})
	}
	return errors.Join(
		add("two_sellers_speedup", one.wall.Seconds()/two.wall.Seconds(), "x", Higher, "one seller"),
		add("wall_1_seller_s", one.wall.Seconds(), "s", Lower, ""),
		add("wall_2_sellers_s", two.wall.Seconds(), "s", Lower, ""),
		add("not_rendering_share", 1-two.Render/two.wall.Seconds(), "of wall time", Lower, ""),
		add("checked_share", float64(two.Checked)/float64(two.Tasks), "of tasks, settled sellers", Lower, ""),
		add("first_preview_s", two.preview.Seconds(), "s, command to first tile", Lower, ""),
		add("gas_job", float64(first.Gas), "gas, new buyer", Lower, ""))
}

// fair is a practice network with sellers, each a process of its own, and the
// home of one buyer.
type fair struct {
	dir, url string
	all      []*stall
}

// stall is a process that ends with its standard input.
type stall struct {
	cmd  *exec.Cmd
	in   io.Closer
	gone chan struct{} // closed at the end of its output
}

func openFair(ctx context.Context, sellers int) (f *fair, err error) {
	f = &fair{}
	if f.dir, err = os.MkdirTemp("", "sonm-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	var net struct{ RPC string }
	if err := f.start(ctx, `"rpc"`, &net, "network", "serve", "--tied", "--json", "--dir", filepath.Join(f.dir, "network"), "--listen", "127.0.0.1:0"); err != nil {
		return f, err
	}
	f.url = net.RPC
	for i := range sellers {
		home := filepath.Join(f.dir, fmt.Sprintf("seller%d", i))
		if err := f.start(ctx, "AskPublished", new(any), "sell", "--tied", "--json", "--home", home, "--network", f.url, "--slots", "1", "--price", "1"); err != nil {
			return f, err
		}
	}
	return f, nil
}

// start runs a process until it prints a line with the word, reads that as
// JSON, and lets it run on.
func (f *fair) start(ctx context.Context, word string, v any, args ...string) error {
	s := &stall{cmd: exec.CommandContext(ctx, program, args...), gone: make(chan struct{})}
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.in = in
	f.all = append(f.all, s)
	lines := bufio.NewScanner(out)
	found := false
	for !found && lines.Scan() {
		if found = strings.Contains(lines.Text(), word); found {
			err = json.Unmarshal(lines.Bytes(), v)
		}
	}
	go func() { // ends with the process
		defer close(s.gone)
		_, _ = io.Copy(io.Discard, out)
	}()
	if !found {
		return fmt.Errorf("%s %s did not start", program, args[0])
	}
	return err
}

// close ends the processes, last started first, and removes what they wrote.
func (f *fair) close() error {
	var errs []error
	for _, s := range slices.Backward(f.all) {
		errs = append(errs, s.in.Close())
		<-s.gone
		errs = append(errs, s.cmd.Wait())
	}
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}

// render buys a picture as a person does, and notes when what is there.
func (f *fair) render(ctx context.Context, sellers int, args ...string) (bought, error) {
	var got bought
	cmd := exec.CommandContext(ctx, program, append([]string{
		"render", diffuse, "--facts", "--json", "--home", filepath.Join(f.dir, "buyer"), "--network", f.url,
		"-o", filepath.Join(f.dir, "out.exr"), "--sellers", strconv.Itoa(sellers),
	}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return got, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return got, err
	}
	lines, last := bufio.NewScanner(out), ""
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = lines.Text()
		if got.preview == 0 && strings.Contains(last, `"kind":"TaskDone"`) {
			got.preview = time.Since(start)
		}
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return got, fmt.Errorf("render with %d sellers: %w", sellers, err)
	}
	got.wall = time.Since(start)
	return got, json.Unmarshal([]byte(last), &got.summary)
}
