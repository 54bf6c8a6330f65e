// The Go runtime would keep files of the control group open to follow changes
// of the processor quota.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command sonm-sandbox-wasmtime is sonm-sandbox with wasmtime for its engine.
package main

import "sonm/engine/sandbox/host"

func main() { host.Main(compilers()) }
