// Package host is what every sandbox child program does besides its engines:
// it locks the process down before it reads a byte of the module, serves one
// module on one engine, one call at a time, and ends with its standard input.
// Package sandbox starts the programs with three pipes and nothing else, and
// speaks package frame with them.
//
// Every call gets a fresh instance. Before a task the memory and the mutable
// globals are put back to what they were after `open` (see snapshot), so a
// task is a function of module, input and spec, in whatever order tasks come:
// tables, dropped segments and the size of memory are those of a new instance.
//
// # Why
//
// The programs differ in the engines they link, because two native engines in
// one program clash; all else is here. They are of no use by hand.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/frame"
	"sonm/engine/sandbox/jail"
)

// Main is the whole of a child program that was built with the given engines.
func Main(engines map[sandbox.Engine]Library) {
	if err := run(context.Background(), engines); err != nil {
		fmt.Fprintln(os.Stderr, "sonm-sandbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, engines map[sandbox.Engine]Library) error {
	if err := jail.CloseOthers(); err != nil {
		return err
	}
	h, err := frame.ReadHead(os.Stdin)
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if h.Kind != frame.Hello {
		return errors.New("no greeting: this program is started by sonm")
	}
	b, err := frame.ReadPayload(os.Stdin, h, frame.HelloSize)
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	g, err := frame.ParseGreeting(b)
	if err != nil {
		return err
	}
	snap, err := newSnapshot(g.Memory)
	if err != nil {
		return err
	}
	level, err := jail.Lock(jail.Config{Parent: int(g.Parent), Class: jail.Class(g.Class), Memory: g.Memory, Life: g.Life})
	if err != nil {
		return err
	}
	endWithBroker()
	s := &server{in: os.Stdin, out: os.Stdout, engines: engines, limits: g, level: level, snap: snap}
	if err := s.answer(reply{}, nil); err != nil {
		return err
	}
	return s.serve(ctx)
}
