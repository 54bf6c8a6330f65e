package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"sonm/assets"
	"sonm/engine/job"
	"sonm/engine/job/picture"
	"sonm/engine/sandbox"
)

// rendered is a picture and what it took.
type rendered struct {
	picture picture.Image
	cpu     float64 // processor seconds, scene set-up not counted
	engine  sandbox.Engine
}

// blockLog2 is the size of the sample blocks of long renders: a task is to
// stay within the sandbox's limits.
const blockLog2 = 6

// inSandbox renders a view as a seller would: in a locked child with the engine
// that suits the module best, or one of those given. Pictures of different seeds
// are independent.
func (p *prepared) inSandbox(ctx context.Context, samples int, seed byte, engines ...sandbox.Engine) (rendered, error) {
	var r rendered
	sums := make([]float64, p.Width*p.Height*3)
	s, err := p.session(ctx, samples, seed, engines...)
	if err != nil {
		return r, err
	}
	defer s.Close()
	specs := p.specs(samples)
	if err := findEngine(ctx, s, specs[0]); err != nil {
		return r, err
	}
	for _, spec := range specs {
		reply, err := s.Task(ctx, spec.Encode())
		if err != nil {
			return r, err
		}
		if err := addTo(sums, reply); err != nil {
			return r, err
		}
		r.cpu += reply.CPU.Seconds()
		r.engine = reply.Engine
	}
	r.picture, err = meanOf(sums, p.Width, p.Height, samples)
	return r, err
}

// findEngine repeats a task until the session knows what engine suits the module,
// which a job finds out with its first tasks: nothing is timed before.
func findEngine(ctx context.Context, s *sandbox.Session, spec job.Spec) error {
	for s.Comparing() {
		reply, err := s.Task(ctx, spec.Encode())
		if err != nil {
			return err
		}
		if reply.CPU <= 0 {
			return errors.New("this system does not say what a child took")
		}
	}
	return nil
}

// session opens the view in a sandbox.
func (p *prepared) session(ctx context.Context, samples int, seed byte, engines ...sandbox.Engine) (*sandbox.Session, error) {
	input, err := p.input(samples, seed)
	if err != nil {
		return nil, err
	}
	return openGuest(ctx, input, engines...)
}

// openGuest starts the renderer in a sandbox with what sonm_open is to be given.
func openGuest(ctx context.Context, input []byte, engines ...sandbox.Engine) (*sandbox.Session, error) {
	_, module, err := assets.App("pathtracer")
	if err != nil {
		return nil, err
	}
	box, err := sandbox.New(sandbox.Config{
		Child: absolute(child), Engines: engines, Keep: absolute(filepath.Join(cache, "sandbox")), Class: sandbox.Waited,
	})
	if err != nil {
		return nil, err
	}
	s, err := box.Start(ctx, module)
	if err != nil {
		return nil, err
	}
	if _, err := s.Open(ctx, input); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// specs are the tasks of a picture: the whole frame, in aligned blocks of samples.
func (p *prepared) specs(samples int) []job.Spec {
	var all []job.Spec
	for first := 0; first < samples; {
		log2 := uint32(0)
		for log2 < blockLog2 && first%(2<<log2) == 0 && first+2<<log2 <= samples {
			log2++
		}
		all = append(all, job.Spec{X1: uint32(p.Width), Y1: uint32(p.Height), First: uint32(first), Log2: log2})
		first += 1 << log2
	}
	return all
}

// addTo adds what a task answers to the sums of a picture.
func addTo(sums []float64, reply sandbox.Reply) error {
	if reply.CPU <= 0 || len(reply.Payload) != len(sums)*4 {
		return errors.New("this system does not say what a child took, or the picture has another size")
	}
	for i := range sums {
		sums[i] += float64(math.Float32frombits(binary.LittleEndian.Uint32(reply.Payload[4*i:])))
	}
	return nil
}

// together renders a view in as many sandboxes as there are processors.
func (p *prepared) together(ctx context.Context, samples int, seed byte) (picture.Image, error) {
	specs := make(chan job.Spec, samples)
	for _, spec := range p.specs(samples) {
		specs <- spec
	}
	close(specs)
	var mu sync.Mutex
	sums := make([]float64, p.Width*p.Height*3) // guarded by mu
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.NumCPU() {
		group.Go(func() error {
			s, err := p.session(ctx, samples, seed)
			if err != nil {
				return err
			}
			defer s.Close()
			for spec := range specs {
				reply, err := s.Task(ctx, spec.Encode())
				if err != nil {
					return err
				}
				mu.Lock()
				err = addTo(sums, reply)
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return picture.Image{}, err
	}
	return meanOf(sums, p.Width, p.Height, samples)
}

// input is what the guest is opened with.
func (p *prepared) input(samples int, seed byte) ([]byte, error) {
	settings, err := p.settings(samples)
	if err != nil {
		return nil, err
	}
	files := append(job.Bundle{{Path: job.SettingsFile, Data: settings}}, p.bundle...)
	packed, err := job.Pack(files)
	if err != nil {
		return nil, err
	}
	input := make([]byte, sha256.Size, sha256.Size+len(packed))
	input[0] = seed
	return append(input, packed...), nil
}

func meanOf(sums []float64, w, h, samples int) (picture.Image, error) {
	pix := make([]float32, len(sums))
	for i, v := range sums {
		pix[i] = float32(v / float64(samples))
	}
	return picture.New(w, h, pix)
}

// natively renders a view with the native build of the same renderer.
func (p *prepared) natively(ctx context.Context, samples int) (rendered, error) {
	var r rendered
	settings, err := p.settings(samples)
	if err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp("", "sonm-native-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	order, film := filepath.Join(dir, "job.json"), filepath.Join(dir, "film")
	if err := os.WriteFile(order, settings, 0o600); err != nil {
		return r, err
	}
	c, err := Child(ctx, native, filepath.Join(p.dir, filepath.FromSlash(p.scene)), "--job", order, "--raw", film)
	if err != nil {
		return r, err
	}
	if r.cpu, err = nativeFigure(c.Out, "render_s"); err != nil {
		return r, err
	}
	data, err := os.ReadFile(film)
	if err != nil {
		return r, err
	}
	if len(data) != p.Width*p.Height*12 {
		return r, fmt.Errorf("the native film of %d x %d pixels has %d bytes", p.Width, p.Height, len(data))
	}
	sums := make([]float64, p.Width*p.Height*3)
	for i := range sums {
		sums[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
	}
	r.picture, err = meanOf(sums, p.Width, p.Height, samples)
	return r, err
}

// nativeFigure is one of the key=value words that the native renderer prints.
func nativeFigure(out []byte, key string) (float64, error) {
	for word := range strings.FieldsSeq(string(out)) {
		if v, ok := strings.CutPrefix(word, key+"="); ok {
			var f float64
			_, err := fmt.Sscan(v, &f)
			return f, err
		}
	}
	return 0, fmt.Errorf("the native renderer says no %s: %s", key, out)
}

// convergedOurs is our picture of many samples, made once for each version of
// the renderer.
func (p *prepared) convergedOurs(ctx context.Context, samples int) (picture.Image, error) {
	_, module, err := assets.App("pathtracer")
	if err != nil {
		return picture.Image{}, err
	}
	sum := sha256.Sum256(module)
	path := p.kept("ours-"+hex.EncodeToString(sum[:8]), samples)
	if im, err := readEXR(path); err == nil {
		return im, nil
	}
	im, err := p.together(ctx, samples, 255)
	if err != nil {
		return im, err
	}
	data, err := picture.EncodeEXR(picture.File{Image: im})
	if err != nil {
		return im, err
	}
	return im, os.WriteFile(path, data, 0o644)
}

// byCycles renders pictures of seeds 0 to n-1 and says the processor seconds of
// each without set-up, which is what a picture of fewest samples takes.
func (p *prepared) byCycles(ctx context.Context, samples, n, threads int) ([]rendered, error) {
	dir, err := os.MkdirTemp("", "sonm-cycles-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := func(i int) string { return filepath.Join(dir, number(i)+".exr") }
	renders := []cyclesRender{{Samples: setupSamples, Threads: threads, Out: filepath.Join(dir, "warm.exr")}} // the first one compiles and loads
	for i := range n {
		renders = append(renders,
			cyclesRender{Samples: setupSamples, Seed: i, Threads: threads, Out: filepath.Join(dir, "setup.exr")},
			cyclesRender{Samples: samples, Seed: i, Threads: threads, Out: out(i)})
	}
	report, err := runCycles(ctx, p.order(renders...))
	if err != nil {
		return nil, err
	}
	all := make([]rendered, n)
	for i := range all {
		setup, full := report.CPU[1+2*i], report.CPU[2+2*i]
		all[i].cpu = (full - setup) * float64(samples) / float64(samples-setupSamples)
		if all[i].picture, err = readEXR(out(i)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// setupSamples is how many samples the picture has whose time is set-up.
const setupSamples = 4

// convergedCycles is the picture of many samples by Cycles, made once.
func (p *prepared) convergedCycles(ctx context.Context, samples int) (picture.Image, error) {
	script, err := os.ReadFile(cyclesScript)
	if err != nil {
		return picture.Image{}, err
	}
	sum := sha256.Sum256(script)
	path := p.kept("cycles-"+hex.EncodeToString(sum[:4]), samples)
	if im, err := readEXR(path); err == nil {
		return im, nil
	}
	if _, err := runCycles(ctx, p.order(cyclesRender{Samples: samples, Seed: 255, Out: path + ".exr"})); err != nil {
		return picture.Image{}, err
	}
	if err := os.Rename(path+".exr", path); err != nil {
		return picture.Image{}, err
	}
	return readEXR(path)
}

// kept is the path of a converged picture in the cache.
func (p *prepared) kept(by string, samples int) string {
	return filepath.Join(p.dir, "converged-"+by+"-"+number(samples)+".exr")
}
