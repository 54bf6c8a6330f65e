//go:build !linux

package sandbox_test

// abandon belongs to a test that only Linux can run.
func abandon() { panic("no such helper on this system") }

const childName = "no such helper on this system"

// puppet belongs to such a test as well.
func puppet() error { panic(childName) }
