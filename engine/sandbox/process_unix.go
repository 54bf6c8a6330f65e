//go:build unix

package sandbox

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// command is the child as the system starts it; it locks itself down.
type command struct{ exec.Cmd }

func newCommand(cfg Config, in, out *os.File, talk io.Writer) *command {
	return &command{exec.Cmd{
		Path: cfg.Child, Args: []string{"sonm-sandbox"}, Env: []string{}, Dir: os.TempDir(),
		Stdin: in, Stdout: out, Stderr: talk, SysProcAttr: processAttr(),
		WaitDelay: time.Second, // a hostile child could have left its stderr to somebody
	}}
}

// halt stops the process or lets it go on, with all of its threads.
func (c *child) halt(stop bool) error {
	sig := syscall.SIGCONT
	if stop {
		sig = syscall.SIGSTOP
	}
	return c.cmd.Process.Signal(sig)
}
