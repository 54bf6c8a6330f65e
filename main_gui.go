//go:build gui

// Command sonm-gui is SONM with a window. It is the same program as sonm, built
// with the tag gui; see main.go for the one without. Given one of sonm's
// commands it runs that: the practice network is started so, also where this
// program is the only one there is.
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
	"sonm/app/cli"
	"sonm/ui/desktop"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if cli.Commands(os.Args[1:]) {
		context.AfterFunc(ctx, stop) // the second signal ends the program at once
		code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	err := window(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sonm-gui:", err)
		os.Exit(1)
	}
}

func window(ctx context.Context) error {
	home := flag.String("home", app.DefaultHome(), "folder of this node")
	network := flag.String("network", "", "address of the network (default: the practice network of this computer)")
	flag.Parse()
	if err := desktop.Check(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	link := app.NewLink(app.Config{Home: *home, Network: *network, Version: app.Version, Resume: true, Log: log})
	return errors.Join(desktop.Run(ctx, link, flag.Args()), link.Close()) //nolint:contextcheck // what closes does so although ctx has ended
}
