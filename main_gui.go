//go:build gui

// Command sonm-gui is SONM with a window. It is the same program as sonm, built
// with the tag gui; see main.go for the one without.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"sonm/ui/desktop"
)

func main() {
	if err := window(); err != nil {
		fmt.Fprintln(os.Stderr, "sonm-gui:", err)
		os.Exit(1)
	}
}

func window() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	core, err := desktop.LocalHere(version())
	if err != nil {
		return err
	}
	return desktop.Run(ctx, core)
}

// version is the commit this was built from, as the compiler recorded it.
func version() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 8 {
			return s.Value[:8]
		}
	}
	return "unknown"
}
