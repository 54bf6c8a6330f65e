package app

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"sonm/assets"
	"sonm/engine/apps"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/sandbox"
	"sonm/engine/worker"
)

// This file alone joins concrete types of the engine, the wallet, the store
// and the bundled assets.

// bundledApps is the application pool that ships with the program.
func bundledApps() (*apps.Pool, error) {
	var all []apps.App
	for _, name := range assets.Apps() {
		m, module, err := assets.App(name)
		if err != nil {
			return nil, err
		}
		all = append(all, apps.App{
			Name: m.Name, Title: m.Title, Version: m.Version, ABI: m.ABI, Class: string(m.Class),
			Memory: m.Memory, Accepts: m.Accepts, Module: module,
		})
	}
	return apps.NewPool(all...)
}

// DemoScene is the scene `sonm demo` renders when none is named, as a .glb.
func DemoScene() ([]byte, error) { return assets.Demo("pathtracer", "cornell.glb") }

// newBuyer composes the buying role.
func (a *App) newBuyer(emit func(fog.Fact), j *journal) (*buyer.Buyer, error) {
	fast, err := a.sandbox(func(c *sandbox.Config) { c.Class = sandbox.Waited }) // a person waits for the price
	if err != nil {
		return nil, err
	}
	checkers := map[sandbox.Engine]buyer.Runtime{}
	for _, e := range sandbox.Engines() {
		box, err := a.sandbox(func(c *sandbox.Config) { c.Engines = []sandbox.Engine{e} })
		if err != nil {
			return nil, err
		}
		checkers[e] = buyerRuntime{box}
	}
	return buyer.New(buyer.Parts{
		Net: tappedNet{a.node.ForBuyer(), a}, Runtime: buyerRuntime{fast},
		Checkers: checkers,
		Blobs:    a.blobs, Keys: tappedKeys{a.bridge, a}, Verifier: a.bridge, Ledger: a.bridge, Journal: tappedJournal{j, a},
		Emit: emit, Now: time.Now, Random: func(b []byte) { _, _ = rand.Read(b) }, // crypto/rand never fails
		Version: a.cfg.Version, FeeBPS: a.net.FeeBPS, Log: a.cfg.Log,
	}), nil
}

// recorded keeps every fact in the journal and tells it on, one at a time.
func (a *App) recorded(ctx context.Context, tell func(fog.Fact)) func(fog.Fact) {
	var mu sync.Mutex // one at a time
	return func(f fog.Fact) {
		mu.Lock()
		defer mu.Unlock()
		err := a.db.AddFact(context.WithoutCancel(ctx), time.Now(), f)
		if err != nil {
			a.cfg.Log.Error("journal", "err", err)
		}
		a.tap(err, "store", "fact "+fog.KindOf(f))
		tell(f)
	}
}

// buyerRuntime and workerRuntime give the roles their view of the sandbox.
type (
	buyerRuntime  struct{ box *sandbox.Sandbox }
	workerRuntime struct{ box *sandbox.Sandbox }
)

// Start implements buyer.Runtime.
func (r buyerRuntime) Start(ctx context.Context, module []byte) (buyer.Session, error) {
	s, err := r.box.Start(ctx, module)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Start implements worker.Runtime.
func (r workerRuntime) Start(ctx context.Context, module []byte) (worker.Session, error) {
	s, err := r.box.Start(ctx, module)
	if err != nil {
		return nil, err
	}
	return s, nil
}
