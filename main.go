//go:build !gui

// Command sonm is the program without a window: every command for servers,
// scripts and terminals, and no OpenGL. With the build tag gui the same
// directory makes sonm-gui, the desktop program.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sonm/app/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
