//go:build amd64

package jail_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempt is something that code which broke out of its engine could try.
type attempt struct {
	name   string
	before func(*stage) error // what there would have been before the lock-down
	try    func(*stage) error // nil if it got what it wanted

	// Each of the layers that stops it if it were alone.
	limits   bool
	landlock int    // the version from which Landlock does, 0 for none
	filter   string // denied or killed

	rare   bool // needs privilege or a kernel that has it: unlocked it may fail in its own way
	victim bool // it is made on another process
	brief  bool // with a second of processor time to live
}

var attempts = []attempt{
	// Files.
	{name: "read a file", landlock: 1, filter: denied, try: func(s *stage) error {
		b, err := os.ReadFile(s.at("secret"))
		return want(err, string(b) == secret)
	}},
	{name: "write to a file", limits: true, landlock: 1, filter: denied, try: func(s *stage) error {
		return os.WriteFile(s.at("empty"), []byte("x"), 0)
	}},
	{name: "create a file", landlock: 1, filter: denied, try: func(s *stage) error {
		return raw(unix.SYS_CREAT, str(s.at("new")), 0o600)
	}},
	{name: "create by openat2", landlock: 1, filter: denied, try: func(s *stage) error {
		how := unix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o600}
		return raw(unix.SYS_OPENAT2, at, str(s.at("new")), ptr(&how), unsafe.Sizeof(how))
	}},
	{name: "open by a handle", filter: killed, rare: true, try: func(*stage) error { return raw(unix.SYS_OPEN_BY_HANDLE_AT, at, 0, 0) }},
	{name: "list a folder", landlock: 1, filter: denied, try: func(s *stage) error {
		d, err := os.ReadDir(s.dir)
		return want(err, len(d) > 3)
	}},
	{name: "stat", filter: denied, try: func(s *stage) error { _, err := os.Stat(s.at("secret")); return err }},
	{name: "access", filter: denied, try: func(s *stage) error { return unix.Access(s.at("secret"), unix.R_OK) }},
	{name: "size of the disk", filter: denied, try: func(s *stage) error { var st unix.Statfs_t; return unix.Statfs(s.dir, &st) }},
	{name: "read a link", filter: denied, try: func(s *stage) error { _, err := os.Readlink(s.at("link")); return err }},
	{name: "remove a file", landlock: 1, filter: denied, try: func(s *stage) error { return unix.Unlink(s.at("secret")) }},
	{name: "remove a folder", landlock: 1, filter: denied, try: func(s *stage) error { return unix.Rmdir(s.at("folder")) }},
	{name: "rename", landlock: 1, filter: denied, try: func(s *stage) error { return os.Rename(s.at("secret"), s.at("new")) }},
	{name: "make a folder", landlock: 1, filter: denied, try: func(s *stage) error { return os.Mkdir(s.at("new"), 0o700) }},
	{name: "symbolic link", landlock: 1, filter: denied, try: func(s *stage) error { return os.Symlink("/etc", s.at("new")) }},
	{name: "hard link", landlock: 1, filter: denied, try: func(s *stage) error { return os.Link(s.at("secret"), s.at("folder/new")) }},
	{name: "named pipe", landlock: 1, filter: denied, try: func(s *stage) error { return unix.Mkfifo(s.at("new"), 0o600) }},
	{name: "permissions", filter: denied, try: func(s *stage) error { return unix.Chmod(s.at("secret"), 0o666) }},
	{name: "owner", filter: denied, try: func(s *stage) error { return unix.Lchown(s.at("secret"), os.Getuid(), os.Getgid()) }},
	{name: "times", filter: denied, try: func(s *stage) error { return os.Chtimes(s.at("secret"), time.Unix(1, 0), time.Unix(1, 0)) }},
	{name: "empty a file", landlock: 3, filter: denied, try: func(s *stage) error { return unix.Truncate(s.at("secret"), 0) }},
	{name: "working folder", filter: denied, try: func(s *stage) error { return unix.Chdir(s.dir) }},
	{name: "another root", landlock: 0, filter: killed, rare: true, try: func(s *stage) error { return unix.Chroot(s.dir) }},
	{name: "mount", filter: killed, rare: true, try: func(s *stage) error { return unix.Mount("x", s.at("folder"), "nosuchfs", 0, "") }},
	{name: "watch a folder", filter: denied, try: func(s *stage) error {
		fd, err := unix.InotifyInit1(0)
		if err == nil {
			_, err = unix.InotifyAddWatch(fd, s.dir, unix.IN_OPEN)
		}
		return err
	}},
	{name: "file bomb", limits: true, before: open, try: func(s *stage) error {
		_, err := s.file.Write(make([]byte, 1<<20))
		return err
	}},
	{name: "file bomb by its size", limits: true, filter: denied, before: open, try: func(s *stage) error {
		return unix.Ftruncate(int(s.file.Fd()), 1<<40)
	}},
	{name: "reserve the disk", limits: true, filter: denied, before: open, try: func(s *stage) error {
		return unix.Fallocate(int(s.file.Fd()), 0, 0, 1<<20)
	}},

	// Network.
	{name: "tcp", landlock: 4, filter: killed, try: func(s *stage) error { return dial("tcp", s.tcp) }},
	{name: "tcp server", landlock: 4, filter: killed, try: func(*stage) error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP)
		if err == nil {
			err = serve(fd)
		}
		return err
	}},
	// Landlock's rules for TCP do not see it.
	{name: "tcp server of many paths", filter: killed, rare: true, try: func(*stage) error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)
		if err == nil {
			err = serve(fd)
		}
		return err
	}},
	{name: "udp", filter: killed, try: func(s *stage) error { return dial("udp", s.udp) }},
	{name: "udp server", filter: killed, try: func(*stage) error {
		l, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err == nil {
			l.Close()
		}
		return err
	}},
	{name: "unix socket", landlock: 9, filter: killed, try: func(s *stage) error { return dial("unix", s.unix) }},
	{name: "abstract unix socket", landlock: 6, filter: killed, try: func(s *stage) error { return dial("unix", "@"+s.unix) }},
	{name: "socket pair", filter: killed, try: func(*stage) error {
		_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return err
	}},
	{name: "netlink", filter: killed, try: func(*stage) error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		}
		return err
	}},
	{name: "raw socket", filter: killed, rare: true, try: func(*stage) error {
		_, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		return err
	}},
	{name: "vsock", filter: killed, rare: true, try: func(*stage) error {
		_, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)
		return err
	}},
	{name: "send by an open socket", filter: killed, before: socket, try: func(s *stage) error {
		to, err := net.ResolveUDPAddr("udp", s.udp)
		if err != nil {
			return err
		}
		return unix.Sendto(s.fd, []byte(secret), 0, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte{127, 0, 0, 1}})
	}},
	{name: "connect an open socket", filter: killed, before: socket, try: func(s *stage) error {
		return unix.Connect(s.fd, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}})
	}},
	{name: "bind an open socket", filter: killed, before: socket, try: func(s *stage) error {
		return unix.Bind(s.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}},

	// Programs and processes.
	{name: "exec", landlock: 1, filter: killed, try: func(*stage) error { return syscall.Exec(os.Args[0], []string{"x"}, doneEnv) }},
	{name: "execveat", landlock: 1, filter: killed, before: func(s *stage) (err error) {
		s.fd, err = unix.Open(os.Args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	}, try: func(s *stage) error {
		argv, envp := []uintptr{str("x"), 0}, []uintptr{str(doneEnv[0]), str(doneEnv[1]), 0}
		return raw(unix.SYS_EXECVEAT, uintptr(s.fd), str(""), ptr(&argv[0]), ptr(&envp[0]), unix.AT_EMPTY_PATH)
	}},
	{name: "start a program", landlock: 1, filter: denied, try: func(*stage) error {
		cmd := exec.Command(os.Args[0])
		cmd.Env = doneEnv
		return cmd.Run()
	}},
	{name: "fork", filter: denied, try: func(*stage) error { return fork(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0) }},
	{name: "old fork", filter: killed, try: func(*stage) error { return fork(unix.SYS_FORK, 0, 0) }},
	{name: "clone3", filter: denied, try: func(*stage) error {
		a := [8]uint64{4: uint64(unix.SIGCHLD)} // exit_signal of struct clone_args
		return fork(unix.SYS_CLONE3, ptr(&a), unsafe.Sizeof(a))
	}},
	{name: "fork bomb", filter: denied, try: func(*stage) error {
		for range 100 {
			if err := fork(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "kill", victim: true, landlock: 6, filter: killed, try: func(s *stage) error { return unix.Kill(s.victim, unix.SIGKILL) }},
	{name: "stop", victim: true, landlock: 6, filter: killed, try: func(s *stage) error { return unix.Kill(s.victim, unix.SIGSTOP) }},
	{name: "tkill", victim: true, landlock: 6, filter: killed, try: func(s *stage) error {
		return raw(unix.SYS_TKILL, uintptr(s.victim), uintptr(unix.SIGKILL))
	}},
	{name: "tgkill", victim: true, landlock: 6, filter: denied, try: func(s *stage) error {
		return unix.Tgkill(s.victim, s.victim, unix.SIGKILL)
	}},
	{name: "signal by queue", victim: true, landlock: 6, filter: denied, try: func(s *stage) error {
		info := [32]int32{2: -1} // si_code SI_QUEUE
		return raw(unix.SYS_RT_SIGQUEUEINFO, uintptr(s.victim), uintptr(unix.SIGTERM), ptr(&info))
	}},
	{name: "ptrace", victim: true, landlock: 1, filter: killed, try: func(s *stage) error {
		runtime.LockOSThread()
		err := unix.PtraceAttach(s.victim)
		if err == nil {
			_, _ = unix.Wait4(s.victim, nil, unix.WALL, nil)
			_ = unix.PtraceDetach(s.victim)
		}
		return err
	}},
	{name: "read another's memory", victim: true, landlock: 1, filter: killed, try: func(s *stage) error {
		b := make([]byte, len(secret))
		n, err := unix.ProcessVMReadv(s.victim, vector(b), remote(s), 0)
		return want(err, string(b[:max(0, n)]) == secret)
	}},
	{name: "write another's memory", victim: true, landlock: 1, filter: killed, try: func(s *stage) error {
		n, err := unix.ProcessVMWritev(s.victim, vector([]byte(strings.ToUpper(secret))), remote(s), 0)
		return want(err, n == len(secret))
	}},
	{name: "memory by /proc", victim: true, landlock: 1, filter: denied, try: func(s *stage) error {
		f, err := os.Open(fmt.Sprintf("/proc/%d/mem", s.victim))
		if err != nil {
			return err
		}
		b := make([]byte, len(secret))
		_, err = f.ReadAt(b, int64(s.place))
		return want(err, string(b) == secret)
	}},
	{name: "handle of a process", victim: true, filter: killed, try: func(s *stage) error {
		_, err := unix.PidfdOpen(s.victim, 0)
		return err
	}},
	{name: "another's descriptor", victim: true, landlock: 1, filter: killed, before: handle, try: func(s *stage) error {
		_, err := unix.PidfdGetfd(s.fd, 0, 0)
		return err
	}},
	{name: "signal by handle", victim: true, landlock: 6, filter: killed, before: handle, try: func(s *stage) error {
		return unix.PidfdSendSignal(s.fd, unix.SIGKILL, nil, 0)
	}},
	{name: "another's limits", victim: true, filter: denied, try: func(s *stage) error {
		return unix.Prlimit(s.victim, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: 1}, nil)
	}},
	{name: "another's priority", victim: true, filter: denied, try: func(s *stage) error {
		return unix.Setpriority(unix.PRIO_PROCESS, s.victim, 19)
	}},
	{name: "another's processors", victim: true, filter: denied, try: func(s *stage) error {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(s.victim, &set); err != nil {
			return err
		}
		return unix.SchedSetaffinity(s.victim, &set)
	}},

	// Oneself.
	{name: "change a limit", filter: denied, try: func(*stage) error {
		return raw(unix.SYS_SETRLIMIT, unix.RLIMIT_NOFILE, ptr(&unix.Rlimit{Cur: 8, Max: 8}))
	}},
	{name: "change the priority", filter: denied, try: func(*stage) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 19) }},
	{name: "be debuggable", filter: denied, try: func(*stage) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }},
	{name: "outlive the broker", filter: denied, try: func(*stage) error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) }},
	{name: "another filter", filter: denied, try: func(*stage) error {
		action := uint32(0x7fff0000)                     // SECCOMP_RET_ALLOW
		return raw(unix.SYS_SECCOMP, 2, 0, ptr(&action)) // SECCOMP_GET_ACTION_AVAIL
	}},
	{name: "a session of its own", filter: denied, try: func(*stage) error { _, err := unix.Setsid(); return err }},
	{name: "be another user", filter: killed, try: func(*stage) error {
		return raw(unix.SYS_SETRESUID, uintptr(os.Getuid()), uintptr(os.Getuid()), uintptr(os.Getuid()))
	}},
	{name: "be in another group", filter: killed, try: func(*stage) error { return raw(unix.SYS_SETGID, uintptr(os.Getgid())) }},
	{name: "unshare", filter: killed, try: func(*stage) error { return unix.Unshare(unix.CLONE_FILES) }},
	{name: "new namespaces", filter: killed, rare: true, try: func(*stage) error { return unix.Unshare(unix.CLONE_NEWUSER) }},
	{name: "enter a namespace", filter: killed, rare: true, try: func(*stage) error { return unix.Setns(-1, 0) }},

	// The kernel.
	{name: "memory as a file", filter: killed, try: func(*stage) error { _, err := unix.MemfdCreate("x", 0); return err }},
	{name: "shared memory", filter: denied, try: func(*stage) error {
		id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o600)
		if err == nil {
			_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		}
		return err
	}},
	{name: "message queue", filter: denied, rare: true, try: func(*stage) error { return raw(unix.SYS_MQ_OPEN, str("x"), 0, 0, 0) }},
	{name: "io_uring", filter: killed, rare: true, try: func(*stage) error {
		var params [120]byte
		return raw(unix.SYS_IO_URING_SETUP, 1, ptr(&params))
	}},
	{name: "bpf", filter: killed, rare: true, try: func(*stage) error { return raw(unix.SYS_BPF, 0, 0, 0) }},
	{name: "perf", filter: killed, rare: true, try: func(*stage) error { return raw(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0) }},
	{name: "userfaultfd", filter: killed, rare: true, try: func(*stage) error { return raw(unix.SYS_USERFAULTFD, 0) }},
	{name: "keys", filter: killed, rare: true, try: func(*stage) error { return raw(unix.SYS_KEYCTL, 0, 0, 0, 0, 0) }},
	{name: "load a module", filter: killed, rare: true, try: func(*stage) error { return raw(unix.SYS_FINIT_MODULE, ^uintptr(0), 0, 0) }},
	{name: "set the clock", filter: denied, rare: true, try: func(*stage) error { return unix.Settimeofday(&unix.Timeval{Usec: -1}) }},
	{name: "name of the computer", filter: denied, rare: true, try: func(*stage) error { return raw(unix.SYS_SETHOSTNAME, 0, ^uintptr(0)) }},

	// Bombs.
	{name: "memory bomb", limits: true, try: func(*stage) error {
		for range 16 { // never touched, so that it costs nothing where it is not stopped
			if err := mapped(256<<20, unix.PROT_READ|unix.PROT_WRITE); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "memory shared", filter: denied, try: func(*stage) error {
		_, err := unix.Mmap(-1, 0, 12<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON|unix.MAP_NORESERVE)
		return err
	}},
	{name: "memory that grows", filter: denied, try: func(*stage) error {
		_, err := unix.Mmap(-1, 0, 12<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_GROWSDOWN|unix.MAP_NORESERVE)
		return err
	}},
	{name: "memory at once", limits: true, try: func(*stage) error { return mapped(4<<30, unix.PROT_READ|unix.PROT_WRITE) }},
	{name: "address space bomb", limits: true, try: func(*stage) error { return mapped(64<<30, unix.PROT_NONE) }},
	{name: "descriptor bomb", limits: true, try: func(*stage) error {
		for range 50 {
			var p [2]int
			if err := unix.Pipe2(p[:], 0); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "burn the processor", limits: true, brief: true, try: func(*stage) error {
		var ru unix.Rusage
		for ru.Utime.Sec+ru.Stime.Sec < 3 {
			if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
				return err
			}
		}
		return nil
	}},
}

var at = ^uintptr(99) // AT_FDCWD

// doneEnv has this program say "done".
var doneEnv = []string{"JAIL_ATTEMPT=done", "GORACE=atexit_sleep_ms=0"}

func raw(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, e := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); e != 0 {
		return e
	}
	return nil
}

func str(s string) uintptr { return ptr(&append([]byte(s), 0)[0]) }

func ptr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// want is err, or says that a call which returned none was of no use.
func want(err error, got bool) error {
	if err == nil && !got {
		return errors.New("nothing was got")
	}
	return err
}

// dial says something to a server and waits for its echo.
func dial(network, address string) error {
	c, err := net.Dial(network, address)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(c, secret); err != nil {
		return err
	}
	b := make([]byte, len(secret))
	_, err = io.ReadFull(c, b)
	return want(err, string(b) == secret)
}

func serve(fd int) error {
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	return unix.Listen(fd, 1)
}

// fork makes a process that ends at once, and waits for it.
func fork(nr, a, b uintptr) error {
	pid, _, e := unix.RawSyscall6(nr, a, b, 0, 0, 0, 0)
	if e != 0 {
		return e
	}
	if pid == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

func mapped(n, prot int) error {
	_, err := unix.Mmap(-1, 0, n, prot, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	return err
}

func vector(b []byte) []unix.Iovec {
	v := unix.Iovec{Base: &b[0]}
	v.SetLen(len(b))
	return []unix.Iovec{v}
}

func remote(s *stage) []unix.RemoteIovec {
	return []unix.RemoteIovec{{Base: s.place, Len: len(secret)}}
}

func open(s *stage) (err error) {
	s.file, err = os.OpenFile(s.at("empty"), os.O_WRONLY, 0)
	return err
}

func socket(s *stage) (err error) {
	s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	return err
}

func handle(s *stage) (err error) {
	s.fd, err = unix.PidfdOpen(s.victim, 0)
	return err
}
