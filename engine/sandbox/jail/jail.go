// Package jail takes from the calling process all it does not need to run a
// stranger's code: resource limits, no core dumps, no debugger, lowest
// priority, no open descriptors but the pipes to its broker, and no way to the
// file system, the network or other processes.
//
// Locking is one-way and for the whole process; only the child program calls
// it. What the system cannot do is left out and the level says so: the seller
// decides what level a stranger's job needs.
//
// # Systems
//
// Linux: rlimits, a system call filter and Landlock, all put on by the child
// and tried by the tests of this package.
//
// Windows: a job object and an AppContainer without capabilities, which the
// broker has the child be born in (package sandbox); the child looks where it
// is and refuses by process mitigation policies what it never needs. Files of
// the system stay readable, and the container's own folder writable.
//
// macOS: rlimits and, if the program was built with cgo, a seatbelt profile
// that denies all by default. Guest memory is bounded by the engine alone,
// because the kernel does not enforce a limit.
//
// What is here for Windows and macOS was written from the systems'
// documentation and never ran on either. Wine, which has no AppContainer and
// tells nothing of a job's limits, started the child in its job, ran it and
// ended it with the broker. The AppContainer, the policies, the memory limit
// and the whole of macOS want a test on the spot before a stranger's job
// relies on them.
package jail

import "sonm/engine/fog"

// Level is how far the lock-down got; more is stricter.
type Level = fog.Level

// The levels.
const (
	Open     = fog.LevelOpen     // nothing: a process of its own, no more
	Limited  = fog.LevelLimited  // resource limits, lowest priority
	Filtered = fog.LevelFiltered // and a system call filter or its like: no files, sockets, processes
	Walled   = fog.LevelWalled   // and Landlock behind the filter
)

// Class is how a child shares the processor with what else the computer does.
type Class uint8

// The classes.
const (
	Background Class = 0 // nice 19: a stranger's work, and what nobody waits for
	Idle       Class = 1 // only when nobody else wants the processor
	Waited     Class = 2 // like any program: the owner waits for the answer
)

// Config is what the lock-down needs to know.
type Config struct {
	Parent int    // process id of the broker: if it is not our parent, it is dead
	Class  Class  // of scheduling
	Memory uint64 // guest memory in bytes
	Life   uint64 // seconds of processor time until the kernel kills us
}
