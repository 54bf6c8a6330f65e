//go:build !linux

package sandbox

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// processAttr asks for nothing: here the child notices the end of its stdin.
func processAttr() *syscall.SysProcAttr { return nil }

// halt cannot stop a process here.
func (c *child) halt(bool) error { return errors.ErrUnsupported }

// cpuTime is known here only after the end.
func (c *child) cpuTime() time.Duration {
	select {
	case <-c.done:
		if st := c.cmd.ProcessState; st != nil {
			return st.UserTime() + st.SystemTime()
		}
	default:
	}
	return 0
}

func forbidden(*os.ProcessState) bool { return false }
