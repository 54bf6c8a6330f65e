package jail

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// CloseOthers does nothing here: the broker passes on only the three pipes.
func CloseOthers() error { return nil }

// Lock refuses what the child never needs and reports what the broker put it
// into. Limits, priority and the end with the broker are the job's.
func Lock(Config) (Level, error) {
	if !limited() {
		return Open, nil
	}
	mitigate()
	contained, err := inContainer()
	if err != nil {
		return Open, err
	}
	if contained {
		return Filtered, nil
	}
	return Limited, nil
}

// limited reports whether the innermost job this process is in is one of the
// broker's, and not one that somebody else put all of us into.
func limited() bool {
	l := new(windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION)
	var pin runtime.Pinner // the call takes a number, which a moving stack would leave behind
	pin.Pin(l)
	defer pin.Unpin()
	//nolint:gosec // audited: the call fills the struct it is told the size of
	err := windows.QueryInformationJobObject(0, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(l)), uint32(unsafe.Sizeof(*l)), nil)
	const want = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS |
		windows.JOB_OBJECT_LIMIT_PROCESS_MEMORY | windows.JOB_OBJECT_LIMIT_PROCESS_TIME
	b := l.BasicLimitInformation
	return err == nil && b.LimitFlags&want == want && b.ActiveProcessLimit == 1
}

// inContainer reports whether the process is in an AppContainer. Which one it
// is, and that it has no capability, is the broker's doing.
func inContainer() (bool, error) {
	const tokenIsAppContainer = 29 // of TOKEN_INFORMATION_CLASS in winnt.h
	var is, n uint32
	//nolint:gosec // audited: the call fills the number it is told the size of
	err := windows.GetTokenInformation(windows.GetCurrentProcessToken(), tokenIsAppContainer, (*byte)(unsafe.Pointer(&is)), uint32(unsafe.Sizeof(is)), &n)
	if err != nil {
		return false, fmt.Errorf("look for the container: %w", err)
	}
	return is != 0, nil
}

// mitigations are policies of PROCESS_MITIGATION_POLICY in winnt.h and their
// bits. Dynamic code is not forbidden: that is what the engines make.
var mitigations = []struct{ policy, bits uint32 }{
	{4, 1},  // no system calls of the window system
	{6, 1},  // no legacy extension points that load others' libraries
	{9, 1},  // no fonts but the system's
	{10, 3}, // no libraries from the network or from folders of low integrity
	{13, 1}, // no processes; the job's limit stands behind it
}

// mitigate does what this version of Windows knows; the level does not depend
// on it.
func mitigate() {
	set := windows.NewLazySystemDLL("kernel32.dll").NewProc("SetProcessMitigationPolicy")
	if set.Find() != nil {
		return
	}
	for _, m := range mitigations {
		bits := m.bits
		_, _, _ = set.Call(uintptr(m.policy), uintptr(unsafe.Pointer(&bits)), unsafe.Sizeof(bits)) //nolint:gosec // audited: the call copies bits
	}
}
