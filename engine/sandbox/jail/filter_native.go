//go:build linux && (amd64 || arm64)

package jail

import (
	"fmt"
	"os"
	"runtime"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// allowed are the calls the Go runtime, the engines' compilers and one pipe
// in each direction need. Memory may become executable: that is what a
// just-in-time compiler does.
var allowed = []string{
	"read", "write", "close", "poll", "ppoll", "fstat", "lseek",
	"munmap", "mprotect", "madvise", "mremap", "brk",
	"futex", "sched_yield", "sched_getaffinity", "nanosleep", "clock_nanosleep",
	"clock_gettime", "clock_getres", "gettimeofday", "getrusage",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
	"getpid", "getppid", "gettid", "exit", "exit_group",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2", "pipe2",
	"timer_create", "timer_settime", "timer_delete", "setitimer",
	"getrandom", "rseq", "set_robust_list", "membarrier",
}

// deadly are calls that only a guest that broke out of its engine makes: the
// process ends at once. Opening files is not among them, because libraries try
// it and go on without; it fails.
var deadly = []string{
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "kill", "tkill",
	"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg",
	"memfd_create", "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "userfaultfd",
	"unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "keyctl", "add_key", "request_key",
	"init_module", "finit_module", "delete_module", "kexec_load", "open_by_handle_at",
	"pidfd_open", "pidfd_getfd", "pidfd_send_signal", "setuid", "setgid", "setresuid", "setresgid",
}

// legacy are deadly calls that exist on x86-64 only.
var legacy = map[string][]string{"amd64": {"fork", "vfork"}}

// filter loads the system call filter into all threads.
func filter() error {
	kill := append(append([]string{}, deadly...), legacy[runtime.GOARCH]...)
	err := seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				{Names: known(allowed), Action: seccomp.ActionAllow},
				{Names: kill, Action: seccomp.ActionKillProcess},
				// The arguments of clone3 are in memory, where a filter cannot
				// look; told that there is none, libraries use clone.
				{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
				{NamesWithCondtions: conditions(), Action: seccomp.ActionAllow},
			},
		},
	})
	if err != nil {
		return fmt.Errorf("system call filter: %w", err)
	}
	return nil
}

func conditions() []seccomp.NameWithConditions {
	one := func(name string, arg uint32, op seccomp.Operation, v uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{
			Name:       name,
			Conditions: []seccomp.Condition{{Argument: arg, Operation: op, Value: v}},
		}
	}
	const flags = 3 // the argument of mmap
	return []seccomp.NameWithConditions{
		// Memory that others could share, and that which grows by itself, is not
		// counted by the limit on data; a file's pages, of which there is one, are.
		{Name: "mmap", Conditions: []seccomp.Condition{
			{Argument: flags, Operation: seccomp.BitsNotSet, Value: unix.MAP_SHARED | unix.MAP_GROWSDOWN},
		}},
		{Name: "mmap", Conditions: []seccomp.Condition{
			{Argument: flags, Operation: seccomp.BitsNotSet, Value: unix.MAP_ANONYMOUS | unix.MAP_GROWSDOWN},
		}},
		one("clone", 0, seccomp.BitsSet, unix.CLONE_THREAD),          // threads, no processes
		one("tgkill", 0, seccomp.Equal, uint64(os.Getpid())),         // the runtime's signals to itself
		one("prctl", 0, seccomp.Equal, unix.PR_SET_VMA),              // names for mappings
		one("fcntl", 1, seccomp.LessOrEqual, unix.F_SETFL),           // flags of descriptors
		one("sched_setscheduler", 1, seccomp.Equal, unix.SCHED_IDLE), // thread pools ask for less
	}
}

// known leaves out what this architecture does not have: arm64 has ppoll only.
func known(names []string) []string {
	if runtime.GOARCH == "amd64" {
		return names
	}
	var out []string
	for _, n := range names {
		if n != "poll" {
			out = append(out, n)
		}
	}
	return out
}
