package jail

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

const (
	// engineData is writable memory beside the guest's: compiler, Go heap,
	// thread stacks. The renderer needs about a fifth of it to compile.
	engineData = 1 << 30
	// engineSpace is address space beside the guest's: the native engine
	// reserves 6 GiB for one memory, so that it needs no bounds checks.
	engineSpace = 24 << 30
)

// layers are the parts of the lock-down.
type layers uint8

const (
	limits    layers = 1 << iota // of resources
	rules                        // Landlock
	sieve                        // the system call filter
	allLayers = limits | rules | sieve
)

// CloseOthers closes every descriptor but standard input, output and error.
// It must run before anything else opens one.
func CloseOthers() error {
	if err := unix.CloseRange(3, math.MaxUint32, 0); err != nil {
		return fmt.Errorf("close inherited descriptors: %w", err)
	}
	return nil
}

// Lock locks the process down and reports how far it got. An error means that
// not even Limited was reached, or that the broker is gone.
func Lock(c Config) (Level, error) { return lock(c, allLayers) }

// lock puts on some of the layers; only tests leave any out.
func lock(c Config, which layers) (Level, error) {
	if which&limits != 0 {
		if err := limit(c); err != nil {
			return Open, err
		}
	}
	if err := leash(c.Parent); err != nil {
		return Open, err
	}
	if err := yield(c.Class); err != nil {
		return Open, err
	}
	first()
	walled := which&rules != 0 && landlocked()
	filtered := which&sieve != 0 && filter() == nil // else an old kernel, or a container's own filter: the level says it
	switch {
	case !filtered:
		return Limited, nil
	case !walled:
		return Filtered, nil
	default:
		return Walled, nil
	}
}

func limit(c Config) error {
	for _, l := range []struct {
		name     string
		resource int
		most     uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"fsize", unix.RLIMIT_FSIZE, 0},
		{"nofile", unix.RLIMIT_NOFILE, 16},
		{"cpu", unix.RLIMIT_CPU, c.Life},
		{"data", unix.RLIMIT_DATA, c.Memory + engineData},
		{"as", unix.RLIMIT_AS, c.Memory + engineSpace},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.most, err)
		}
	}
	return nil
}

// first has the kernel take this process where memory runs out all the same.
// Package os would start its poller for it, and leave that open.
func first() {
	fd, err := unix.Open("/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return // there is no /proc
	}
	defer unix.Close(fd)
	_, _ = unix.Write(fd, []byte("1000")) // the limits hold without it
}

// leash keeps debuggers out and has the kernel kill us with the broker. The
// broker has asked for the latter already; this closes the case of a child
// started by something else.
func leash(parent int) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid dumps: %w", err)
	}
	if os.Getppid() != parent {
		return errors.New("the broker is gone")
	}
	return nil
}

// yield gives every thread nice 19 and, if asked, the idle scheduler; threads
// made later inherit both. A child that is waited for keeps what it has.
func yield(class Class) error {
	if class == Waited {
		return nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("thread %q: %w", t.Name(), err)
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, tid, 19); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("nice: %w", err)
		}
		if class != Idle {
			continue
		}
		attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE, Nice: 19}
		if err := unix.SchedSetAttr(tid, attr, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("idle scheduler: %w", err)
		}
	}
	return nil
}

// landlocked denies all paths, TCP and whatever else the newest Landlock of
// this kernel handles, and reports whether that is a wall of its own.
func landlocked() bool {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	const tcp = 4 // the version from which it knows TCP: no second wall before
	return errno == 0 && landlock.V11.BestEffort().Restrict() == nil && abi >= tcp
}
