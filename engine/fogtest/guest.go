package fogtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"sonm/engine/apps"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/sandbox"
)

// The toy guest stands for the path tracer: same task specs, same payload
// format, same kind of deterministic counter. A sample's value is a small
// whole number drawn from (input, pixel, sample), so that sums are exact in
// float32 and any split of a frame merges to the same bits.
const (
	unitsLeast = 50 // work of one sample of the cheapest pixel
	unitsMore  = 100
	cell       = 8 // pixels a side of equal cost: one pixel of the pilot

	featureDiscount = 16 // a sample of the features costs so much less
)

// App is the toy guest as an app of the pool.
func App() apps.App {
	module := []byte("\x00asm toy guest of fogtest, version 1")
	return apps.App{
		Name: "toy", Title: "Toy", Version: "1", ABI: apps.ABI, Class: "exact", Memory: 64 << 20,
		Accepts: []string{"toy"}, Module: module, Hash: fog.ContentHash(module),
	}
}

// Truth is the film of a job, computed in one piece and not from its plan.
func Truth(input []byte, s job.Settings) (*job.Film, error) {
	film, err := job.FilmOf(s)
	if err != nil {
		return nil, err
	}
	g := guest{fog.ContentHash(input)}
	layers := map[job.Layer]int{job.Radiance: s.Samples}
	if s.Layers {
		layers[job.Features] = job.FeatureSamples(s.Samples)
	}
	for layer, samples := range layers {
		for i := range samples {
			sp := job.Spec{Frame: uint32(s.Frame), X1: uint32(s.Width), Y1: uint32(s.Height), First: uint32(i), Layer: layer}
			if err := film.Add(sp, g.render(sp)); err != nil {
				return nil, err
			}
		}
	}
	return film, nil
}

// guest is the toy with an input opened.
type guest struct{ input fog.Hash }

func (g guest) render(s job.Spec) []byte {
	out := make([]byte, 0, s.PayloadSize())
	seed := binary.LittleEndian.Uint64(g.input[:])
	for y := s.Y0; y < s.Y1; y++ {
		for x := s.X0; x < s.X1; x++ {
			sum := make([]uint64, s.Layer.Values())
			for i := uint64(s.First); i < uint64(s.First)+s.Samples(); i++ {
				v := mix(seed ^ uint64(s.Layer)<<56 ^ uint64(s.Frame)<<48 ^ mix(uint64(x)<<40|uint64(y)<<20|i))
				for k := range sum {
					sum[k] += v >> (8 * k) & 0xff
				}
			}
			for _, v := range sum {
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
			}
		}
	}
	return out
}

// work counts the units of a task: up to a fifth more than the pilot foresees,
// so that counter and plan differ.
func (g guest) work(s job.Spec) uint64 {
	var units uint64
	for y := s.Y0; y < s.Y1; y++ {
		for x := s.X0; x < s.X1; x++ {
			cx, cy := uint64(x), uint64(y)
			if s.Shift == 0 {
				cx, cy = cx/cell, cy/cell
			}
			units += unitsLeast + mix(cx<<32|cy)%unitsMore
		}
	}
	units *= s.Samples()
	if s.Layer == job.Features { // one ray, and no light
		units /= featureDiscount
	}
	if s.Shift == 0 {
		units += units / 5 * (mix(uint64(s.First)<<32|uint64(s.X0)<<16|uint64(s.Y0)) % 100) / 100
	}
	return units
}

// mix is the finisher of splitmix64: a good hash of 64 bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Runtime runs the toy guest under an engine's name at a speed; the time a
// task takes is fake time.
type Runtime struct {
	Engine sandbox.Engine
	Speed  float64 // units of work a second; 0 takes no time
	Odd    bool    // differs from the other engines in a bit of each result
}

// Session is one started toy guest; it implements both roles' Session.
type Session struct {
	r      Runtime
	g      guest
	opened bool
}

var errModule = errors.New("not the toy guest")

// Start starts a session.
func (r Runtime) Start(_ context.Context, module []byte) (*Session, error) {
	if fog.ContentHash(module) != App().Hash {
		return nil, errModule
	}
	return &Session{r: r}, nil
}

// Inspect finds nothing missing in any bundle.
func (s *Session) Inspect(context.Context, []byte) (sandbox.Reply, error) {
	return sandbox.Reply{Payload: []byte(`{}`), Work: 1, Engine: s.r.Engine}, nil
}

// Open takes the seed and the bundle.
func (s *Session) Open(_ context.Context, input []byte) (sandbox.Reply, error) {
	s.g, s.opened = guest{fog.ContentHash(input)}, true
	return sandbox.Reply{Work: 1, Engine: s.r.Engine}, nil
}

// Task renders, which takes time; the end of ctx kills it.
func (s *Session) Task(ctx context.Context, spec []byte) (sandbox.Reply, error) {
	if !s.opened {
		return sandbox.Reply{}, sandbox.Errorf(sandbox.Invalid, "a task before open")
	}
	sp, err := job.DecodeSpec(spec)
	if err != nil {
		return sandbox.Reply{}, sandbox.Errorf(sandbox.Refused, "%v", err)
	}
	reply := sandbox.Reply{Payload: s.g.render(sp), Work: s.g.work(sp), Engine: s.r.Engine, Memory: 1 << 20}
	if s.r.Odd {
		reply.Payload[0] ^= 1
	}
	took := time.Duration(0)
	if s.r.Speed > 0 {
		took = time.Duration(float64(reply.Work) / s.r.Speed * float64(time.Second))
	}
	if err := pause(ctx, took); err != nil {
		return sandbox.Reply{}, fmt.Errorf("task: %w", err)
	}
	reply.CPU = took
	return reply, nil
}

// Level is the level of a sandbox that locks everything down.
func (s *Session) Level() fog.Level { return 3 }

// Close ends the session.
func (s *Session) Close() error { return nil }

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
