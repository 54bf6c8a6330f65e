package app_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"sonm/app"
	"sonm/app/event"
	"sonm/engine/sandbox/sandboxtest"
)

// A person with one computer buys from the practice network itself, and that
// network ends when they have left: its own seller is nobody to wait for.
func TestANetworkThatSells(t *testing.T) {
	child, err := sandboxtest.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ready, ended, dir := make(chan string, 1), make(chan error, 1), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	go func() {
		defer close(ended)
		ended <- app.ServeNetwork(ctx, app.NetworkRequest{
			Dir: dir, Idle: 10 * time.Second, Sell: true, Sandbox: child, Log: slog.New(slog.DiscardHandler),
			Ready: func(n app.NetworkInfo) { ready <- n.RPC },
		})
	}()
	var url string
	select {
	case url = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	buyer := app.NewLink(app.Config{Home: t.TempDir(), Network: url, Sandbox: child, Version: "test", Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { closeLink(t, buyer) })
	file := demoFile(t)
	q, err := buyer.Quote(t.Context(), event.Order{Scene: file, Width: 32, Height: 32, Samples: 4, Wait: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	done := watch(t, buyer, q.Job)
	if err := buyer.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	if j := <-done; j.State != event.Done || j.Spent.IsZero() {
		t.Errorf("job ended as %+v: %v", j, j.Problem)
	}
	select {
	case err := <-ended:
		t.Fatalf("the network ended while somebody was there: %v", err)
	default:
	}
	closeLink(t, buyer)
	if err := <-ended; err != nil {
		t.Errorf("network: %v", err)
	}
}
