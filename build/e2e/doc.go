// Package e2e runs the built program as a stranger would: real processes, a
// real chain, real pictures. It has no code of its own beside the tests.
package e2e
