//go:build unix && !linux

package sandbox

import (
	"os"
	"syscall"
	"time"
)

// processAttr keeps the terminal's signals away from the child, which notices
// by itself that the broker is gone.
func processAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// cpuTime is known here only after the end, so that the limit of one call is
// not watched: the child's own limit for its whole life and the time on the
// clock stand in for it.
func (c *child) cpuTime() time.Duration {
	select {
	case <-c.done:
		return finalTime(c.cmd.ProcessState)
	default:
		return 0
	}
}

func forbidden(*os.ProcessState) bool { return false }

// threads is not counted here.
func (c *child) threads() int { return 0 }
