//go:build !linux

package sandbox_test

// abandon belongs to a test that only Linux can run.
func abandon() { panic("no such helper on this system") }
