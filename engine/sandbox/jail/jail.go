// Package jail takes from the calling process all it does not need to run a
// stranger's code: resource limits, no core dumps, no debugger, lowest
// priority, no open descriptors but the pipes to its broker, and on Linux no
// way to the file system, the network or other processes.
//
// Locking is one-way and for the whole process; only the child program calls
// it. What the system cannot do is left out and the level says so: the seller
// decides what level a stranger's job needs.
package jail

// Level is how far the lock-down got; more is stricter.
type Level uint32

// The levels.
const (
	Open     Level = 0 // nothing: a process of its own, no more
	Limited  Level = 1 // resource limits, lowest priority
	Filtered Level = 2 // and a system call filter: no files, sockets, processes
	Walled   Level = 3 // and Landlock behind the filter
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
