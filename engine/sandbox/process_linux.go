package sandbox

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processAttr has the kernel kill the child when the thread that forked it
// ends (Go looks at getppid after asking, so a parent that died in between is
// noticed), and keeps the terminal's signals away from it.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// halt stops the process or lets it go on; both hold for all of its threads.
func (c *child) halt(stop bool) error {
	sig := unix.SIGCONT
	if stop {
		sig = unix.SIGSTOP
	}
	return c.cmd.Process.Signal(sig)
}

// cpuTime is the processor time of all threads of the child so far.
func (c *child) cpuTime() time.Duration {
	select {
	case <-c.done:
		return finalTime(c.cmd.ProcessState)
	default:
	}
	// A process's clock id is ^pid<<3 | 2: see clock_getcpuclockid(3).
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^c.cmd.Process.Pid<<3|2), &ts); err != nil {
		<-c.done // it is dead, or about to be reaped
		return finalTime(c.cmd.ProcessState)
	}
	return time.Duration(ts.Nano())
}

func finalTime(st *os.ProcessState) time.Duration {
	if st == nil {
		return 0
	}
	return st.UserTime() + st.SystemTime()
}

// forbidden reports whether the system call filter killed the process.
func forbidden(st *os.ProcessState) bool {
	if st == nil {
		return false
	}
	ws, ok := st.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == syscall.SIGSYS
}
