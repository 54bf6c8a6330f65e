// Package wazero is the wasi-testsuite on that engine, see package wasitest.
package wazero
