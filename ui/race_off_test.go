//go:build !race

package ui_test

// goldens are compared in this run.
const goldens = true
