package sandbox

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"sync"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// command is the child as Windows starts it. A process cannot lock itself in
// here, so the broker does it: the child is born in a job object, which
// bounds what it uses and ends it with the broker, and in an AppContainer
// without capabilities, from which there is no network and no file of the
// user's. Package os/exec knows neither, hence the work by hand.
//
// Where no container can be had the child runs in the job alone, and package
// jail, which looks at what it finds itself in, reports the lower level.
//
// The child gets its handles by list, no console (whose host would be a second
// process in the job) and two variables: SYSTEMROOT for the system's libraries
// and LOCALAPPDATA, without which no container starts; neither names the user.
type command struct {
	Process      *os.Process
	ProcessState *os.ProcessState // after Wait

	cfg     Config
	in, out *os.File
	talk    io.Writer
	talking sync.WaitGroup
	job     windows.Handle
}

func newCommand(cfg Config, in, out *os.File, talk io.Writer) *command {
	return &command{cfg: cfg, in: in, out: out, talk: talk}
}

// Start starts the child.
func (c *command) Start() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer write.Close()
	if c.job, err = newJob(c.cfg); err != nil {
		read.Close()
		return err
	}
	if err := c.spawn(write); err != nil {
		read.Close()
		shut(c.job)
		return err
	}
	c.talking.Go(func() {
		defer read.Close()
		_, _ = io.Copy(c.talk, read) // what comes is a hint, its end is the child's
	})
	return nil
}

// Wait waits for the end of the child and of all it said.
func (c *command) Wait() error {
	var err error
	c.ProcessState, err = c.Process.Wait()
	shut(c.job)
	c.talking.Wait()
	return err
}

// engineData is memory beside the guest's and its copy after open: compiler,
// Go heap, thread stacks; as on Linux, see package jail.
const engineData = 1 << 30

// newJob makes a job for one process that dies when the job's last handle is
// closed, that is, at the latest with the broker.
func newJob(cfg Config) (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("job object: %w", err)
	}
	var l windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	l.ProcessMemoryLimit = uintptr(min(2*cfg.Limits.Memory+engineData, math.MaxUint))
	l.BasicLimitInformation.ActiveProcessLimit = 1
	l.BasicLimitInformation.PerProcessUserTimeLimit = int64((maxLife + cfg.Limits.CPU) / filetimeUnit)
	l.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE |
		windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS | windows.JOB_OBJECT_LIMIT_PROCESS_MEMORY |
		windows.JOB_OBJECT_LIMIT_PROCESS_TIME | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	if cfg.Class != Waited {
		l.BasicLimitInformation.LimitFlags |= windows.JOB_OBJECT_LIMIT_PRIORITY_CLASS
		l.BasicLimitInformation.PriorityClass = windows.IDLE_PRIORITY_CLASS
	}
	if err := set(job, windows.JobObjectExtendedLimitInformation, &l); err != nil {
		shut(job)
		return 0, fmt.Errorf("limits of the job object: %w", err)
	}
	if inJob() {
		return job, nil // a job inside another one may not restrict the desktop
	}
	const all = windows.JOB_OBJECT_UILIMIT_DESKTOP | windows.JOB_OBJECT_UILIMIT_DISPLAYSETTINGS |
		windows.JOB_OBJECT_UILIMIT_EXITWINDOWS | windows.JOB_OBJECT_UILIMIT_GLOBALATOMS |
		windows.JOB_OBJECT_UILIMIT_HANDLES | windows.JOB_OBJECT_UILIMIT_READCLIPBOARD |
		windows.JOB_OBJECT_UILIMIT_SYSTEMPARAMETERS | windows.JOB_OBJECT_UILIMIT_WRITECLIPBOARD
	ui := windows.JOBOBJECT_BASIC_UI_RESTRICTIONS{UIRestrictionsClass: all}
	if err := set(job, windows.JobObjectBasicUIRestrictions, &ui); err != nil {
		shut(job)
		return 0, fmt.Errorf("desktop limits of the job object: %w", err)
	}
	return job, nil
}

func set[T any](job windows.Handle, class uint32, v *T) error {
	var pin runtime.Pinner // the call takes a number, which a moving stack would leave behind
	pin.Pin(v)
	defer pin.Unpin()
	//nolint:gosec // audited: the call copies the struct it is told the size of
	_, err := windows.SetInformationJobObject(job, class, uintptr(unsafe.Pointer(v)), uint32(unsafe.Sizeof(*v)))
	return err
}

// inJob reports whether the broker itself is in a job: else there is none to
// ask about.
func inJob() bool {
	var in int32
	isIn := windows.NewLazySystemDLL("kernel32.dll").NewProc("IsProcessInJob")
	//nolint:gosec // audited: the call fills in
	ok, _, _ := isIn.Call(uintptr(windows.CurrentProcess()), 0, uintptr(unsafe.Pointer(&in)))
	return ok == 0 || in != 0
}

// spawn starts the process in the container or, if that fails, without it.
func (c *command) spawn(stderr *os.File) error {
	if box, err := container(); err == nil {
		_ = admit(box, c.cfg.Child) // often it may read the program already; else the start fails
		if c.create(box, stderr) == nil {
			return nil
		}
	}
	return c.create(nil, stderr)
}

// Attributes of CreateProcess that golang.org/x/sys lacks, from winbase.h.
const (
	securityCapabilitiesAttribute = 0x00020009
	jobListAttribute              = 0x0002000d
)

// securityCapabilities is SECURITY_CAPABILITIES of winnt.h.
type securityCapabilities struct {
	container    *windows.SID
	capabilities *windows.SIDAndAttributes // none
	count        uint32
	_            uint32
}

//nolint:gosec // audited: the pointers are to values that outlive the calls they are given to
func (c *command) create(box *windows.SID, stderr *os.File) error {
	handles, err := inheritable(c.in, c.out, stderr)
	defer shut(handles...)
	if err != nil {
		return fmt.Errorf("pipes: %w", err)
	}
	attrs, err := windows.NewProcThreadAttributeList(3)
	if err != nil {
		return fmt.Errorf("process attributes: %w", err)
	}
	defer attrs.Delete()
	err = errors.Join(
		attrs.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST, unsafe.Pointer(&handles[0]), uintptr(len(handles))*unsafe.Sizeof(handles[0])),
		attrs.Update(jobListAttribute, unsafe.Pointer(&c.job), unsafe.Sizeof(c.job)))
	if box != nil {
		caps := &securityCapabilities{container: box}
		err = errors.Join(err, attrs.Update(securityCapabilitiesAttribute, unsafe.Pointer(caps), unsafe.Sizeof(*caps)))
	}
	if err != nil {
		return fmt.Errorf("process attributes: %w", err)
	}
	si := windows.StartupInfoEx{ProcThreadAttributeList: attrs.List()}
	si.Cb, si.Flags = uint32(unsafe.Sizeof(si)), windows.STARTF_USESTDHANDLES
	si.StdInput, si.StdOutput, si.StdErr = handles[0], handles[1], handles[2]
	return c.launch(&si)
}

func (c *command) launch(si *windows.StartupInfoEx) error {
	system, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return fmt.Errorf("system folder: %w", err)
	}
	path, errPath := windows.UTF16PtrFromString(c.cfg.Child)
	line, errLine := windows.UTF16PtrFromString("sonm-sandbox")
	dir, errDir := windows.UTF16PtrFromString(system)
	if err := errors.Join(errPath, errLine, errDir); err != nil {
		return err
	}
	env := utf16.Encode([]rune("LOCALAPPDATA=" + system + "\x00SYSTEMROOT=" + system + "\x00\x00"))
	const flags = windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT | windows.DETACHED_PROCESS
	var pi windows.ProcessInformation
	if err := windows.CreateProcess(path, line, nil, nil, true, flags, &env[0], dir, &si.StartupInfo, &pi); err != nil {
		return err
	}
	defer shut(pi.Thread, pi.Process) // until then the id is not given out again
	c.Process, err = os.FindProcess(int(pi.ProcessId))
	if err != nil {
		return errors.Join(err, windows.TerminateProcess(pi.Process, 1))
	}
	return nil
}

// inheritable gives handles that a child can inherit, as many as it got.
func inheritable(files ...*os.File) ([]windows.Handle, error) {
	var made []windows.Handle
	self := windows.CurrentProcess()
	for _, f := range files {
		var h windows.Handle
		if err := windows.DuplicateHandle(self, windows.Handle(f.Fd()), self, &h, 0, true, windows.DUPLICATE_SAME_ACCESS); err != nil {
			return made, err
		}
		made = append(made, h)
	}
	return made, nil
}

// shut closes handles that are ours and valid, which cannot fail.
func shut(handles ...windows.Handle) {
	for _, h := range handles {
		_ = windows.CloseHandle(h)
	}
}

// container is the AppContainer all children share. Making it leaves the
// user a profile: a folder and a registry key, both empty, the only places
// where a guest that broke out could write. The identity is never freed.
var container = sync.OnceValues(func() (*windows.SID, error) {
	lib := windows.NewLazySystemDLL("userenv.dll")
	create, derive := lib.NewProc("CreateAppContainerProfile"), lib.NewProc("DeriveAppContainerSidFromAppContainerName")
	if err := errors.Join(create.Find(), derive.Find()); err != nil {
		return nil, err
	}
	name, err := windows.UTF16PtrFromString("sonm.sandbox")
	if err != nil {
		return nil, err
	}
	const exists = 0x80070000 | uint32(windows.ERROR_ALREADY_EXISTS)
	var sid *windows.SID
	//nolint:gosec // audited: one string is name, title and description; there are no capabilities
	result, _, _ := create.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(name)), 0, 0, uintptr(unsafe.Pointer(&sid)))
	if uint32(result) == exists {
		result, _, _ = derive.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&sid))) //nolint:gosec // audited, as above
	}
	if uint32(result) != 0 || sid == nil {
		return nil, fmt.Errorf("AppContainer: result %#x", uint32(result))
	}
	return sid, nil
})

// admit lets the container read and run the program.
func admit(box *windows.SID, path string) error {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	old, _, err := sd.DACL()
	if err != nil {
		return err
	}
	acl, err := windows.ACLFromEntries([]windows.EXPLICIT_ACCESS{{
		AccessPermissions: windows.GENERIC_READ | windows.GENERIC_EXECUTE,
		AccessMode:        windows.GRANT_ACCESS,
		Trustee: windows.TRUSTEE{
			TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_UNKNOWN,
			TrusteeValue: windows.TrusteeValueFromSID(box),
		},
	}}, old)
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
}

// halt stops the process or lets it go on, with all of its threads. The calls
// are not in the documentation, but every version of Windows has had them since XP.
func (c *child) halt(stop bool) error {
	name := "NtResumeProcess"
	if stop {
		name = "NtSuspendProcess"
	}
	call := windows.NewLazySystemDLL("ntdll.dll").NewProc(name)
	if err := call.Find(); err != nil {
		return err
	}
	var status uintptr
	if err := c.cmd.Process.WithHandle(func(h uintptr) { status, _, _ = call.Call(h) }); err != nil {
		return err
	}
	if uint32(status) != 0 {
		return windows.NTStatus(status)
	}
	return nil
}

// filetimeUnit is what Windows counts processor time in.
const filetimeUnit = 100 * time.Nanosecond

// cpuTime is the processor time of all threads of the child so far.
func (c *child) cpuTime() time.Duration {
	select {
	case <-c.done:
		return finalTime(c.cmd.ProcessState)
	default:
	}
	var created, exited, kernel, user windows.Filetime
	var err error
	gone := c.cmd.Process.WithHandle(func(h uintptr) {
		err = windows.GetProcessTimes(windows.Handle(h), &created, &exited, &kernel, &user)
	})
	if gone != nil { // it has been waited for
		<-c.done
		return finalTime(c.cmd.ProcessState)
	}
	if err != nil {
		return 0
	}
	return span(kernel) + span(user)
}

func span(t windows.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * filetimeUnit
}

// forbidden is never known here: what is not allowed fails.
func forbidden(*os.ProcessState) bool { return false }

// threads is not counted here.
func (c *child) threads() int { return 0 }
