//go:build gui

// Command sonm-gui is SONM with a window. It is the same program as sonm, built
// with the tag gui; see main.go for the one without.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
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
	core, err := engine()
	if err != nil {
		return err
	}
	return desktop.Run(ctx, core, os.Args[1:])
}

// engine is what the window shows and asks.
func engine() (desktop.Core, error) {
	return nil, errors.New("this build has no engine behind its window; the terminal program has: sonm demo")
}
