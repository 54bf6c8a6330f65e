//go:build unix

package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// spawnNetwork starts the practice network in a session of its own, so that it
// outlives this process. If another process wins the race for its lock, this
// one just ends.
func spawnNetwork(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "network.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, networkArgs(dir)...) //nolint:noctx // it outlives us on purpose
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return errors.Join(cmd.Start(), release(cmd))
}

func release(cmd *exec.Cmd) error {
	if cmd.Process == nil {
		return nil
	}
	return cmd.Process.Release()
}
