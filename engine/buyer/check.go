package buyer

import (
	"context"
	"errors"
	"slices"

	"sonm/engine/fog"
	"sonm/engine/proof"
	"sonm/engine/sandbox"
)

// check is the goroutine that re-runs results in another engine than the
// seller used.
func (r *run) check(ctx context.Context) error {
	var box checker
	defer box.close()
	for {
		select {
		case res := <-r.checks:
			v, err := r.rerun(ctx, &box, res)
			if !r.send(ctx, judged{res, v, err}) {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// rerun re-runs a result in another engine than the seller names; where that
// engine cannot, in the same one, which still catches a lie.
func (r *run) rerun(ctx context.Context, box *checker, res *result) (proof.Verdict, error) {
	var v proof.Verdict
	err := errors.New("there is no engine to check it in")
	for _, e := range checkers(res.engine, res.first) {
		if r.b.parts.Checkers[e] == nil {
			continue
		}
		if v, err = r.rerunIn(ctx, e, box, res); err == nil && !v.OK && r.b.parts.Checkers[res.engine] != nil && e != res.engine {
			// An app that shows what engines may differ in (the bits of a NaN) makes
			// no liar of its seller.
			if own, err := r.rerunIn(ctx, res.engine, box, res); err == nil && own.OK {
				r.b.parts.Log.Warn("engines differ", "task", res.lease.Index, "engine", res.engine, "other", e, "why", v.Reason)
				return own, nil
			}
		}
		if err == nil || ctx.Err() != nil {
			return v, err
		}
		r.b.parts.Log.Info("check falls back", "from", e, "err", err)
	}
	return v, err
}

// named is the engine a seller says it used.
func named(engine string) sandbox.Engine {
	if e := sandbox.Engine(engine); e.Valid() {
		return e
	}
	return "other"
}

// checkers are the engines to re-run a result of seller in, best first: for a
// seller's first result wazero, which has no code in common with the others.
// Later ones are there to catch lies, which any engine does, and go to the
// fastest of the others.
func checkers(seller sandbox.Engine, first bool) []sandbox.Engine {
	switch {
	case seller == sandbox.Wazero:
		return []sandbox.Engine{sandbox.Wasmtime, sandbox.Wasmer, sandbox.Wazero}
	case seller == sandbox.Wasmtime && first:
		return []sandbox.Engine{sandbox.Wazero, sandbox.Wasmer, sandbox.Wasmtime}
	case seller == sandbox.Wasmtime:
		return []sandbox.Engine{sandbox.Wasmer, sandbox.Wazero, sandbox.Wasmtime}
	case first:
		return []sandbox.Engine{sandbox.Wazero, sandbox.Wasmtime, sandbox.Wasmer}
	}
	return []sandbox.Engine{sandbox.Wasmtime, sandbox.Wazero, sandbox.Wasmer}
}

func (r *run) rerunIn(ctx context.Context, engine sandbox.Engine, box *checker, res *result) (proof.Verdict, error) {
	s, err := box.open(ctx, r, engine)
	if err != nil {
		return proof.Verdict{}, err
	}
	reply, err := s.Task(ctx, res.lease.Spec)
	if err != nil {
		return proof.Verdict{}, err
	}
	return proof.Judge(res.receipt, proof.Rerun{Result: fog.ContentHash(reply.Payload), Work: reply.Work}), nil
}

// checkerSessions is how many engines a checker holds the scene in at once.
const checkerSessions = 2

// checker is the engines that a job's results are re-run in.
type checker struct{ warm []opening }

type opening struct {
	engine sandbox.Engine
	Session
}

// open is the job opened in an engine; the one used longest ago makes room.
func (c *checker) open(ctx context.Context, r *run, e sandbox.Engine) (Session, error) {
	if i := slices.IndexFunc(c.warm, func(o opening) bool { return o.engine == e }); i >= 0 {
		o := c.warm[i]
		c.warm = append(slices.Delete(c.warm, i, i+1), o)
		return o.Session, nil
	}
	if len(c.warm) == checkerSessions {
		c.warm[0].Close()
		c.warm = slices.Delete(c.warm, 0, 1)
	}
	s, err := r.b.parts.Checkers[e].Start(ctx, r.App.Module)
	if err != nil {
		return nil, err
	}
	if _, err := s.Open(ctx, GuestInput(r.Input, r.Bundle)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	c.warm = append(c.warm, opening{e, s})
	return s, nil
}

func (c *checker) close() {
	for _, o := range c.warm {
		o.Close()
	}
}
