package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/conform"
)

// batchTasks is how many tasks are shared by the sessions, each a tenth of a
// second: enough for the last one, which nobody helps with, to count little.
const batchTasks = 12

// batch has the sessions share the tasks of a batch and takes the seconds.
func batch(ctx context.Context, slots []*sandbox.Session, k conform.Kernel) (float64, error) {
	var next atomic.Uint64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range slots {
		group.Go(func() error {
			for seed := next.Add(1); seed <= batchTasks; seed = next.Add(1) {
				if _, err := s.Task(ctx, conform.Call{Seed: seed, Size: k.Large.Task / 2}.Bytes()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(began).Seconds(), err
}

// process is a process id, looked at through proc(5).
type process int

// onlyChild is the one sandbox child of this process.
func onlyChild() (process, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var found []process
	for _, path := range stats {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return 0, err
		}
		name, fields := process(n).stat()
		if strings.HasPrefix(name, "sonm-sandbox") && fields[1] == strconv.Itoa(os.Getpid()) {
			found = append(found, process(n))
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d sandbox children of this process in /proc, want 1", len(found))
	}
	return found[0], nil
}

// stat is the process's name and what follows it: state, parent and the rest;
// empty strings when it is gone.
func (p process) stat() (string, [20]string) {
	var fields [20]string
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
	if err != nil {
		return "", fields
	}
	_, tail, _ := strings.Cut(string(b), "(")
	at := strings.LastIndexByte(tail, ')')
	if at < 0 {
		return "", fields
	}
	copy(fields[:], strings.Fields(tail[at+1:]))
	return tail[:at], fields
}

func (p process) alive() bool {
	name, _ := p.stat()
	return name != ""
}

// ticks is the processor time so far, in the kernel's ticks of 10 ms.
func (p process) ticks() int {
	_, f := p.stat()
	user, _ := strconv.Atoi(f[11]) // 0 when it is gone
	system, _ := strconv.Atoi(f[12])
	return user + system
}

// busy waits until the process has used so much processor time.
func (p process) busy(ctx context.Context, most time.Duration) error {
	until := p.ticks() + int(most/(10*time.Millisecond))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for p.ticks() < until {
		if !p.alive() {
			return errors.New("the child is gone")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// resident is the resident memory in MiB.
func (p process) resident() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("the status of process %d has no VmRSS", p)
}
