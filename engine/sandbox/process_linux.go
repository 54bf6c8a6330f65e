package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
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

// forbidden reports whether the system call filter killed the process.
func forbidden(st *os.ProcessState) bool {
	if st == nil {
		return false
	}
	ws, ok := st.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == syscall.SIGSYS
}

// threads is how many threads the child has, 0 if that is not known.
func (c *child) threads() int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	const field = 17 // num_threads is the 18th behind the name, see proc_pid_stat(5)
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) <= field {
		return 0
	}
	n, _ := strconv.Atoi(string(fields[field])) // the kernel wrote it
	return n
}
