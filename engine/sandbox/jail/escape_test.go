//go:build linux && amd64

package jail_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"sonm/engine/sandbox/jail"
)

// attempts are what code that broke out of its engine could try. fatal says
// that the kernel has to end the process at once instead of answering.
var attempts = map[string]struct {
	fatal bool
	try   func() error
}{
	"open a file":         {false, func() error { _, err := os.Open("/etc/passwd"); return err }},
	"write a file":        {false, func() error { return os.WriteFile("/tmp/sonm-escaped", nil, 0o600) }},
	"list a folder":       {false, func() error { _, err := os.ReadDir("/"); return err }},
	"creat":               {false, func() error { return raw(unix.SYS_CREAT, str("/tmp/sonm-escaped"), 0o600) }},
	"openat2":             {false, func() error { var h unix.OpenHow; return raw(unix.SYS_OPENAT2, at, str("/etc"), ptr(&h), 24) }},
	"stat":                {false, func() error { _, err := os.Stat("/etc/passwd"); return err }},
	"readlink":            {false, func() error { _, err := os.Readlink("/proc/self/exe"); return err }},
	"remove":              {false, func() error { return os.Remove("/tmp/sonm-nothing") }},
	"rename":              {false, func() error { return os.Rename("/tmp/sonm-nothing", "/tmp/sonm-other") }},
	"mkdir":               {false, func() error { return os.Mkdir("/tmp/sonm-escaped", 0o700) }},
	"symlink":             {false, func() error { return os.Symlink("/etc", "/tmp/sonm-escaped") }},
	"chmod":               {false, func() error { return os.Chmod("/tmp", 0o777) }},
	"chdir":               {false, func() error { return os.Chdir("/") }},
	"truncate":            {false, func() error { return os.Truncate("/tmp/sonm-nothing", 0) }},
	"inotify":             {false, func() error { _, err := unix.InotifyInit1(0); return err }},
	"open a handle":       {true, func() error { return raw(unix.SYS_OPEN_BY_HANDLE_AT, at, 0, 0) }},
	"tcp":                 {true, func() error { _, err := net.Dial("tcp", "127.0.0.1:9"); return err }},
	"udp":                 {true, func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0); return err }},
	"unix socket":         {true, func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err }},
	"raw socket":          {true, func() error { _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); return err }},
	"netlink":             {true, func() error { _, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0); return err }},
	"vsock":               {true, func() error { _, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0); return err }},
	"socket pair":         {true, func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err }},
	"listen":              {true, func() error { return unix.Listen(0, 1) }},
	"exec":                {true, func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) }},
	"execveat":            {true, func() error { return raw(unix.SYS_EXECVEAT, at, str("/bin/true"), 0, 0, 0) }},
	"fork and exec":       {false, func() error { return exec.Command("/bin/true").Run() }},
	"fork":                {false, func() error { return raw(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) }},
	"clone3":              {false, func() error { return raw(unix.SYS_CLONE3, 0, 0) }},
	"kill the broker":     {true, func() error { return unix.Kill(os.Getppid(), 0) }},
	"tkill the broker":    {true, func() error { return raw(unix.SYS_TKILL, uintptr(os.Getppid()), 0) }},
	"tgkill the broker":   {false, func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), 0) }},
	"signal by queue":     {false, func() error { return raw(unix.SYS_RT_SIGQUEUEINFO, uintptr(os.Getppid()), 10, 0) }},
	"ptrace":              {true, func() error { return unix.PtraceAttach(os.Getppid()) }},
	"read the broker":     {true, func() error { return raw(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid()), 0, 0, 0, 0, 0) }},
	"write the broker":    {true, func() error { return raw(unix.SYS_PROCESS_VM_WRITEV, uintptr(os.Getppid()), 0, 0, 0, 0, 0) }},
	"pidfd":               {true, func() error { _, err := unix.PidfdOpen(os.Getppid(), 0); return err }},
	"pidfd_getfd":         {true, func() error { _, err := unix.PidfdGetfd(0, 0, 0); return err }},
	"prlimit":             {false, func() error { return raw(unix.SYS_PRLIMIT64, uintptr(os.Getppid()), 0, 0, 0) }},
	"raise a limit":       {false, func() error { return raw(unix.SYS_SETRLIMIT, unix.RLIMIT_CPU, ptr(&unix.Rlimit{Cur: 1, Max: 1})) }},
	"memfd":               {true, func() error { _, err := unix.MemfdCreate("x", 0); return err }},
	"io_uring":            {true, func() error { return raw(unix.SYS_IO_URING_SETUP, 1, 0) }},
	"bpf":                 {true, func() error { return raw(unix.SYS_BPF, 0, 0, 0) }},
	"perf":                {true, func() error { return raw(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0) }},
	"userfaultfd":         {true, func() error { return raw(unix.SYS_USERFAULTFD, 0) }},
	"new namespace":       {true, func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
	"enter a namespace":   {true, func() error { return unix.Setns(0, 0) }},
	"mount":               {true, func() error { return unix.Mount("x", "/tmp", "tmpfs", 0, "") }},
	"chroot":              {true, func() error { return unix.Chroot("/") }},
	"keys":                {true, func() error { return raw(unix.SYS_KEYCTL, 0, 0, 0, 0, 0) }},
	"load a module":       {true, func() error { return raw(unix.SYS_FINIT_MODULE, 0, 0, 0) }},
	"be another user":     {true, func() error { return raw(unix.SYS_SETRESUID, 1000, 1000, 1000) }},
	"set the clock":       {false, func() error { return unix.Settimeofday(&unix.Timeval{Sec: 1}) }},
	"host name":           {false, func() error { return unix.Sethostname([]byte("x")) }},
	"be debuggable":       {false, func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }},
	"outlive the broker":  {false, func() error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) }},
	"another filter":      {false, func() error { return raw(unix.SYS_SECCOMP, 1, 0, 0) }},
	"shared memory":       {false, func() error { return raw(unix.SYS_SHMGET, 1, 4096, 0o1600) }},
	"message queue":       {false, func() error { return raw(unix.SYS_MQ_OPEN, str("x"), 0, 0, 0) }},
	"be nicer to oneself": {false, func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 0) }},
	"map 4 GiB": {false, func() error {
		_, err := unix.Mmap(-1, 0, 4<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		return err
	}},
}

var at = ^uintptr(99) // AT_FDCWD

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

func TestMain(m *testing.M) {
	name := os.Getenv("JAIL_ATTEMPT")
	if name == "" {
		os.Exit(m.Run())
	}
	level, err := jail.Lock(jail.Config{Parent: os.Getppid(), Memory: 1 << 30, Life: 3600})
	fmt.Println("level", level, err)
	if err := attempts[name].try(); err != nil {
		fmt.Println("denied:", err)
	} else {
		fmt.Println("ALLOWED")
	}
	os.Exit(0)
}

// attempt runs one attempt in a locked process of its own.
func attempt(name string) (string, *os.ProcessState) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"JAIL_ATTEMPT=" + name}
	out, _ := cmd.Output()
	return string(out), cmd.ProcessState
}

// TestEscapes: every attempt is denied, the worst with death.
func TestEscapes(t *testing.T) {
	if out, _ := attempt("stat"); !strings.Contains(out, "level filtered ") && !strings.Contains(out, "level walled ") {
		t.Skipf("this kernel gives no system call filter: %q", out)
	}
	for name, a := range attempts {
		out, st := attempt(name)
		ws, ok := st.Sys().(syscall.WaitStatus)
		killed := ok && ws.Signaled() && ws.Signal() == syscall.SIGSYS
		switch {
		case strings.Contains(out, "ALLOWED"):
			t.Errorf("%s: allowed", name)
		case a.fatal && !killed:
			t.Errorf("%s: the process went on (%v): %s", name, st, out)
		case !a.fatal && !killed && !strings.Contains(out, "denied: "):
			t.Errorf("%s: neither denied nor killed (%v): %s", name, st, out)
		}
	}
	if len(attempts) < 40 {
		t.Errorf("%d attempts, want at least 40", len(attempts))
	}
}

func TestLockNeedsItsBroker(t *testing.T) {
	if _, err := os.Stat("/proc/self/task"); errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc")
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestHelperWrongParent")
	cmd.Env = []string{"JAIL_WRONG_PARENT=1"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestHelperWrongParent is the body of the test before.
func TestHelperWrongParent(t *testing.T) {
	if os.Getenv("JAIL_WRONG_PARENT") == "" {
		t.Skip("a helper process")
	}
	if _, err := jail.Lock(jail.Config{Parent: 1 << 30, Memory: 1 << 30, Life: 3600}); err == nil {
		t.Error("Lock without its broker = nil error")
	}
}
