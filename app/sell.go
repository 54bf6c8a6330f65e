package app

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/engine/sandbox"
	"sonm/engine/worker"
)

// SellRequest is an offer of this computer.
type SellRequest struct {
	Price   fog.Amount // SNM per fog.UnitsPerPrice units
	Slots   int        // tasks at once; 0 is one per core
	Engines []string   // WebAssembly engines in the order to try; none is all
	Level   string     // how far strangers' code has to be locked down, by fog.Level's names; "" is DefaultLevel

	// Parts, if given, changes what the seller is made of: for tests of what
	// buyers do about cheats.
	Parts func(*worker.Config, *worker.Parts) `json:"-"`
}

// Sell offers this computer and works until ctx ends.
func (a *App) Sell(ctx context.Context, r SellRequest, tell func(fog.Fact)) error {
	if err := r.complete(); err != nil {
		return err
	}
	engines, err := engineNames(r.Engines)
	if err != nil {
		return err
	}
	least, err := levelOf(r.Level)
	if err != nil {
		return err
	}
	tell = a.recorded(ctx, tell)
	box, err := a.sandbox(func(c *sandbox.Config) {
		c.Level, c.Engines = least, engines
		c.Changed = func(from, to sandbox.Engine, why *sandbox.Error) {
			tell(fog.EngineChanged{From: string(from), To: string(to), Reason: why.Msg})
		}
	})
	if err != nil {
		return err
	}
	reached, err := box.Level(ctx)
	if err != nil {
		return err
	}
	tell(fog.SandboxReady{Level: reached})
	parts := worker.Parts{
		Net: a.node.ForWorker(), Runtime: workerRuntime{box}, Apps: a.apps, Blobs: a.blobs, Keys: a.bridge, Verifier: a.bridge,
		Ledger: a.bridge, Journal: a.journal, Emit: tell, Now: time.Now, Log: a.cfg.Log,
	}
	cfg := worker.Config{Price: r.Price, Slots: r.Slots, Memory: box.Limits().Memory, Version: a.cfg.Version}
	if r.Parts != nil {
		r.Parts(&cfg, &parts)
	}
	w, err := worker.New(cfg, parts)
	if err != nil {
		return err
	}
	if _, err := a.Redeem(ctx); err != nil { // what an earlier run was promised; the vouchers stay on disk
		a.cfg.Log.Info("vouchers not redeemed", "err", err)
	}
	return w.Run(ctx)
}

// complete fills in what was left open and refuses what cannot be.
func (r *SellRequest) complete() error {
	if r.Slots == 0 {
		r.Slots = runtime.NumCPU()
	}
	if r.Slots < 1 || r.Slots > 1024 {
		return &event.Problem{Code: "flags", What: fmt.Sprintf("--slots: %d is not between 1 and 1024.", r.Slots)}
	}
	if _, err := levelOf(r.Level); err != nil {
		return err
	}
	_, err := engineNames(r.Engines)
	return err
}

// Redeem has the chain pay every voucher this node holds that promises more
// than was paid, and returns what arrived.
func (a *App) Redeem(ctx context.Context) (fog.Amount, error) {
	var sum fog.Amount
	vouchers, err := a.db.Vouchers(ctx)
	if err != nil {
		return sum, err
	}
	for _, v := range vouchers {
		net, err := a.bridge.Redeem(ctx, v)
		if err != nil {
			return sum, inWords(fmt.Errorf("redeem a voucher of %v: %w", v.Buyer, err))
		}
		sum = sum.Add(net)
	}
	return sum, nil
}

// DefaultLevel is how far strangers' code has to be locked down if the owner
// says nothing: it can reach neither files nor network nor other programs.
const DefaultLevel = fog.LevelFiltered

func levelOf(name string) (fog.Level, error) {
	if name == "" {
		return DefaultLevel, nil
	}
	l, err := fog.ParseLevel(name)
	if err != nil {
		return 0, &event.Problem{
			Code: "flags", What: fmt.Sprintf("--level: %q is not a level; there are open, limited, filtered and walled.", name), Cause: err,
		}
	}
	return l, nil
}

func engineNames(names []string) ([]sandbox.Engine, error) {
	var all []sandbox.Engine
	for _, n := range names {
		e := sandbox.Engine(n)
		if !e.Valid() {
			return nil, &event.Problem{Code: "flags", What: fmt.Sprintf("--engine: %q is not an engine; there are wasmer, wasmtime and wazero.", n)}
		}
		all = append(all, e)
	}
	return all, nil
}
