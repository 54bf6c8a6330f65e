//go:build gui

// Command sonm-gui is SONM with a window. It is the same program as sonm, built
// with the tag gui; see main.go for the one without.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"sonm/app"
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
	if err := desktop.Check(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	desk, err := app.OpenDesk(ctx, app.Config{Home: app.DefaultHome(), Version: app.Version, Log: log})
	if err != nil {
		return err
	}
	return errors.Join(desktop.Run(ctx, desk, os.Args[1:]), desk.Close())
}
