//go:build unix && !linux

package wazero

const noReserve = 0 // BSD systems reserve no swap space for a private mapping
