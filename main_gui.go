//go:build gui

// Command sonm-gui is SONM with a window. It is the same program as sonm, built
// with the tag gui; see main.go for the one without.
package main

import (
	"context"
	"errors"
	"flag"
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
	home := flag.String("home", app.DefaultHome(), "folder of this node")
	network := flag.String("network", "", "address of the network (default: the practice network of this computer)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := desktop.Check(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	link := app.NewLink(app.Config{Home: *home, Network: *network, Version: app.Version, Resume: true, Log: log})
	return errors.Join(desktop.Run(ctx, link, flag.Args()), link.Close())
}
