// Command cheat is a seller that plays a role, for tests of what buyers do about
// it: the product's own seller, over a sandbox and lines that are tampered with.
// It is no part of the product. It ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"

	"sonm/app"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/job"
	"sonm/engine/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cheat:", err)
		os.Exit(1) //nolint:gocritic // stop only restores what ends here anyway
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("cheat", flag.ContinueOnError)
	home := flags.String("home", "", "folder of the node")
	network := flags.String("network", "", "address of the network")
	child := flags.String("sandbox", "", "path of sonm-sandbox")
	price := flags.String("price", "1", "SNM per 1,000,000,000 units")
	named := flags.String("role", "honest", "honest, liar:SHARE, turncoat:TASKS, lazy, slow:TIMES, vanish:RESULT, replay:TIMES, overclaim:TIMES, withhold")
	seed := flags.Uint64("seed", 1, "of the lies")
	if err := flags.Parse(args); err != nil {
		return err
	}
	role, err := roleOf(*named)
	if err != nil {
		return err
	}
	amount, err := fog.ParseAmount(*price)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // it ends with the process: nothing can interrupt a read of standard input
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	say := teller(out)
	player := &fogtest.Player{Role: role, Draw: draw(*seed), Die: die, Lied: func(l fogtest.Lie) { say("Lie", l) }}
	a, err := app.Open(ctx, app.Config{
		Home: *home, Network: *network, Sandbox: *child, Version: app.Version,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	err = a.Sell(ctx, app.SellRequest{Price: amount, Slots: 1, Parts: func(c *worker.Config, p *worker.Parts) {
		c.Unpaid = role.Unpaid()
		player.Keys = p.Keys
		p.Net, p.Runtime = player.Network(p.Net), player.Runtime(p.Runtime)
	}}, func(f fog.Fact) { say(fog.KindOf(f), f) })
	return errors.Join(err, a.Close())
}

// roleOf reads NAME or NAME:NUMBER.
func roleOf(text string) (fogtest.Role, error) {
	name, number, _ := strings.Cut(text, ":")
	v := 1.0
	if number != "" {
		var err error
		if v, err = strconv.ParseFloat(number, 64); err != nil {
			return fogtest.Role{}, fmt.Errorf("role %q: %w", text, err)
		}
	}
	switch name {
	case "honest":
		return fogtest.Honest(), nil
	case "liar":
		return fogtest.Liar(v), nil
	case "turncoat": // honest at first, then never again
		return fogtest.Role{Name: name, Lies: 1, From: int(v)}, nil
	case "lazy":
		return fogtest.Lazy(), nil
	case "slow":
		return fogtest.Slow(v), nil
	case "vanish":
		return fogtest.Role{Name: name, DieAfter: int(v)}, nil
	case "replay":
		return fogtest.Replaying(int(v)), nil
	case "overclaim":
		return fogtest.Overclaims(v), nil
	case "withhold":
		return fogtest.Withholding(), nil
	}
	return fogtest.Role{}, fmt.Errorf("there is no role %q", text)
}

// draw gives numbers in [0,1) from a seed, one after the other: a task that
// comes again, in this job or the next, is drawn for anew.
func draw(seed uint64) func(string, job.Spec) float64 {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same lies in every run
	return func(string, job.Spec) float64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64()
	}
}

// die ends the process as kill -9 does.
func die() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		os.Exit(137)
	}
	select {} // until the signal is here
}

// teller prints lines of JSON as `sonm sell --json` does.
func teller(out io.Writer) func(kind string, fact any) {
	var mu sync.Mutex
	return func(kind string, fact any) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(out).Encode(map[string]any{"kind": kind, "fact": fact}) // the reader may have left
	}
}
