package jail

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// CloseOthers does nothing here: the broker passes on only the three pipes.
func CloseOthers() error { return nil }

// Lock locks the process down and reports how far it got. An error means that
// not even Limited was reached, or that the broker is gone.
func Lock(c Config) (Level, error) {
	for _, l := range []struct {
		name     string
		resource int
		most     uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"fsize", unix.RLIMIT_FSIZE, 0},
		{"nofile", unix.RLIMIT_NOFILE, 16},
		{"cpu", unix.RLIMIT_CPU, c.Life},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return Open, fmt.Errorf("limit %s to %d: %w", l.name, l.most, err)
		}
	}
	if os.Getppid() != c.Parent {
		return Open, errors.New("the broker is gone")
	}
	if err := yield(c.Class); err != nil {
		return Open, err
	}
	if err := unix.PtraceDenyAttach(); err != nil {
		return Open, fmt.Errorf("forbid debuggers: %w", err)
	}
	belted := seatbelt() == nil // else built without cgo, or a version that does not take the profile: the level says it
	if belted {
		return Filtered, nil
	}
	return Limited, nil
}

// yield gives the process nice 19 and, if asked, the background band of the
// scheduler. A child that is waited for keeps what it has.
func yield(class Class) error {
	if class == Waited {
		return nil
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 19); err != nil {
		return fmt.Errorf("nice: %w", err)
	}
	const process, background = 4, 0x1000 // PRIO_DARWIN_PROCESS, PRIO_DARWIN_BG of sys/resource.h
	if class == Idle {
		if err := unix.Setpriority(process, 0, background); err != nil {
			return fmt.Errorf("background: %w", err)
		}
	}
	return nil
}
