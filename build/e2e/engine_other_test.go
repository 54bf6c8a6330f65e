//go:build !(linux && amd64)

package e2e_test

// wasmerWorksHere says that the sandbox child is built with wasmer on this
// system.
const wasmerWorksHere = false
