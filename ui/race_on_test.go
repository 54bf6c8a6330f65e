//go:build race

package ui_test

// drawing pages under the race detector takes minutes and shows nothing that
// drawing them without it does not: goldens are left to the other run.
const goldens = false
