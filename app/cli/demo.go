package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sonm/app"
	"sonm/app/event"
)

// demoFlags are what demo has beside the picture's settings.
type demoFlags struct {
	renderFlags
	prices  []string
	engines []string
	isolate bool
	keep    bool
}

const (
	readyTime  = 60 * time.Second // for a process of the demo to say it is ready
	maxSellers = 64
)

func demoCommand(opt *options) *cobra.Command {
	d := &demoFlags{renderFlags: renderFlags{out: "demo.png", width: 512, height: 512, samples: 64, sellers: 3}}
	cmd := &cobra.Command{
		Use:   "demo [SCENE]",
		Short: "Render a scene with separate sellers on a practice network of its own, and pay them",
		Long: "demo starts a practice network, some sellers and a buyer, each a process of its own with its own\n" +
			"keys and folder, renders the scene, has the sellers paid, and stops everything again.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneScene(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := d.request(""); err != nil {
				return err
			}
			if opt.home != "" || opt.network != "" {
				return &event.Problem{Code: "flags", What: "demo makes folders and a network of its own; --home and --network are for render and sell."}
			}
			if d.sellers < 1 || d.sellers > maxSellers {
				return &event.Problem{Code: "flags", What: fmt.Sprintf("--sellers: %d is not between 1 and %d.", d.sellers, maxSellers)}
			}
			for _, price := range d.prices {
				if _, err := priceFlag("--prices", price); err != nil {
					return err
				}
			}
			return d.run(cmd, opt, args)
		},
	}
	d.register(cmd)
	f := cmd.Flags()
	f.IntVar(&d.sellers, "sellers", d.sellers, "sellers to start")
	f.StringSliceVar(&d.prices, "prices", nil, "prices of the sellers, in SNM per 1,000,000,000 units (the last one is for all others)")
	f.StringSliceVar(&d.engines, "engine", nil, "WebAssembly engines of the sellers: wasmer, wasmtime, wazero (default: the fastest that works)")
	f.BoolVar(&d.isolate, "isolate", false, "give every process network and mount namespaces of its own (Linux, as root)")
	f.BoolVar(&d.keep, "keep", false, "keep the folders of the processes")
	return cmd
}

// run starts the processes, renders, and stops them.
func (d *demoFlags) run(cmd *cobra.Command, opt *options, args []string) (err error) {
	dir, err := os.MkdirTemp("", "sonm-demo-")
	if err != nil {
		return fmt.Errorf("folder of the demo: %w", err)
	}
	fogs, err := newCast(dir, d.isolate)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, fogs.stop())
		if d.keep || err != nil && opt.verbose {
			fmt.Fprintf(cmd.ErrOrStderr(), "The folders of the demo are in %s.\n", dir)
			return
		}
		_ = os.RemoveAll(dir) // it is in the system's temporary folder
	}()
	sceneFile, err := demoScene(dir, args)
	if err != nil {
		return err
	}
	out, err := filepath.Abs(d.out)
	if err != nil {
		return err
	}
	url, err := d.network(cmd.Context(), fogs)
	if err != nil {
		return err
	}
	if err := d.sell(cmd.Context(), fogs, url); err != nil {
		return err
	}
	return d.buy(cmd, opt, fogs, append([]string{"render", sceneFile, "--out", out, "--network", url}, d.renderArgs(cmd)...))
}

// demoScene is the scene to render: the one named, or the bundled one.
func demoScene(dir string, args []string) (string, error) {
	if len(args) == 1 {
		return filepath.Abs(args[0])
	}
	file := filepath.Join(dir, "demo.glb")
	data, err := app.DemoScene()
	if err != nil {
		return "", err
	}
	return file, os.WriteFile(file, data, 0o600)
}

// network starts the practice network and returns its address.
func (d *demoFlags) network(ctx context.Context, c *cast) (string, error) {
	p, err := c.start(ctx, "network", func(host, home string) []string {
		return []string{"network", "serve", "--tied", "--json", "--dir", home, "--listen", host + ":0"}
	})
	if err != nil {
		return "", err
	}
	var n app.NetworkInfo
	if err := p.first(ctx, &n); err != nil {
		return "", fmt.Errorf("the practice network did not start: %w", err)
	}
	return n.RPC, nil
}

// sell starts the sellers and waits until each has made its offer.
func (d *demoFlags) sell(ctx context.Context, c *cast, url string) error {
	var all []*process
	for i := range d.sellers {
		p, err := c.start(ctx, fmt.Sprintf("seller%d", i+1), func(_, home string) []string {
			args := []string{"sell", "--tied", "--json", "--home", home, "--network", url, "--slots", "1", "--price", d.price(i)}
			if len(d.engines) > 0 {
				args = append(args, "--engine", strings.Join(d.engines, ","))
			}
			return args
		})
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	for _, p := range all {
		var offer struct{ Kind string }
		if err := p.first(ctx, &offer); err != nil {
			return fmt.Errorf("%s did not start: %w", p.name, err)
		}
	}
	return nil
}

func (d *demoFlags) price(i int) string {
	if len(d.prices) == 0 {
		return app.DefaultPrice
	}
	return d.prices[min(i, len(d.prices)-1)]
}

// renderArgs passes on every flag of the picture that was given, and the
// demo's own defaults.
func (d *demoFlags) renderArgs(cmd *cobra.Command) []string {
	args := []string{
		"--json", "--tied", "--width", strconv.Itoa(d.width), "--height", strconv.Itoa(d.height), "--samples", strconv.Itoa(d.samples),
		"--sellers", strconv.Itoa(d.sellers),
	}
	for _, name := range []string{"camera", "bounces", "frame", "frames", "fps", "sky", "sky-strength", "sky-rotation", "max-price", "max-total", "wait", "tile", "block", "check", "view", "exposure", "depth"} {
		if f := cmd.Flags().Lookup(name); f.Changed {
			args = append(args, "--"+name, f.Value.String())
		}
	}
	for name, on := range map[string]bool{"layers": d.layers, "denoise": d.denoise} {
		if on {
			args = append(args, "--"+name)
		}
	}
	return args
}

// buy runs the buyer with its progress on standard error and prints its
// summary.
func (d *demoFlags) buy(cmd *cobra.Command, opt *options, c *cast, args []string) error {
	p, err := c.buyer(cmd.Context(), args, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	end := context.AfterFunc(cmd.Context(), func() { p.stdin.Close() }) // the buyer is tied to it
	defer end()
	data, err := io.ReadAll(p.out)
	waitErr := p.wait()
	if err = errors.Join(err, waitErr); err != nil {
		return buyerProblem(data, err)
	}
	var sum app.Summary
	if err := json.Unmarshal(lastLine(data), &sum); err != nil {
		return fmt.Errorf("summary of the buyer: %w", err)
	}
	return newProgress(cmd, opt).summary(sum)
}

// buyerProblem finds the sentence the buyer ended with.
func buyerProblem(out []byte, err error) error {
	if known, ok := errors.AsType[*event.Problem](said(lastLine(out), new(any))); ok {
		return known
	}
	return fmt.Errorf("the buyer ended early: %w", err)
}

// said reads a line of JSON into v, or the problem that it tells.
func said(line []byte, v any) error {
	var p struct{ Error, Message string }
	if json.Unmarshal(line, &p) == nil && p.Message != "" {
		return &event.Problem{Code: p.Error, What: p.Message}
	}
	return json.Unmarshal(line, v)
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}

// first reads the first line a process prints, as JSON, and then lets the rest
// run into the void.
func (p *process) first(ctx context.Context, v any) error {
	done := make(chan error, 1)
	go func() { // ends with the process's output, which stop closes
		r := bufio.NewReader(p.out)
		line, err := r.ReadBytes('\n')
		if err == nil {
			err = said(line, v)
		}
		done <- err
		_, _ = io.Copy(io.Discard, r)
	}()
	select {
	case err := <-done:
		var known *event.Problem
		if err == nil || errors.As(err, &known) {
			return err
		}
		return errors.Join(err, p.complaint())
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(readyTime):
		return fmt.Errorf("no answer within %v", readyTime)
	}
}
