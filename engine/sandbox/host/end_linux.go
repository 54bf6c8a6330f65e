package host

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// endWithBroker ends the process when the other end of standard input is
// closed, even while the guest runs. The goroutine lives as long as the
// process; the kernel's parent-death signal stands behind it.
func endWithBroker() {
	go func() {
		for {
			fds := []unix.PollFd{{Fd: 0}} // no events: a hang-up is always told
			_, err := unix.Poll(fds, -1)
			if err != nil && !errors.Is(err, unix.EINTR) {
				os.Exit(1)
			}
			if fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
				os.Exit(0)
			}
		}
	}()
}
