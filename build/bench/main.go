// Command bench measures the program, area by area, prints a table and leaves
// the figures in build/bench/results/<area>.json.
//
// # Why
//
// A figure is a median of several runs, and a ratio compares two things
// measured by turns in the same run: the machine's mood then hits both alike.
// An area, or a name, that was asked for and is not there is an error, so that
// a check which names a figure cannot pass by the figure's absence.
//
// It shares the module's go.mod: it links none but our own packages. When the
// first rival library comes to be compared with, this directory gets a go.mod of
// its own, so that rivals never reach the product's list of dependencies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

// The longest an area may take. Rendering is the longest: a job of minutes is
// bought twice, and the first time Cycles' converged pictures are made.
const (
	areaLimit = 30 * time.Minute
	fullLimit = 3 * time.Hour
)

// Runs per figure: an odd number, so that the median is a run that happened.
const (
	quickRuns = 3
	fullRuns  = 9
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "-compare" {
		return compare(ctx, args[1:], os.Stdout)
	}
	if len(args) > 0 && args[0] == "-models" {
		return models(ctx, args[1:])
	}
	return run(ctx, args, areas(), os.Stdout)
}

func run(ctx context.Context, args []string, all []Area, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	area := flags.String("area", "", "measure this area only")
	names := flags.String("names", "", "figures that must be among the results, separated by commas")
	results := flags.String("results", "build/bench/results", "folder of the results")
	full := flags.Bool("full", false, "more runs and 3 hours instead of 30 minutes")
	most := flags.Duration("limit", 0, "the longest an area may take, on a busy machine; 0 is as said")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(all, *area)
	if err != nil {
		return err
	}
	runs, limit := quickRuns, areaLimit
	if *full {
		runs, limit = fullRuns, fullLimit
	}
	if *most > 0 {
		limit = *most
	}
	var figures []Figure
	for _, a := range chosen {
		got, err := measure(ctx, a, runs, *full, limit)
		if err != nil {
			return fmt.Errorf("area %s: %w", a.Name, err)
		}
		if err := table(out, a.Name, got); err != nil {
			return err
		}
		if err := save(*results, a.Name, got); err != nil {
			return err
		}
		figures = append(figures, got...)
	}
	return demand(figures, *names)
}

func choose(all []Area, name string) ([]Area, error) {
	if name == "" {
		if len(all) == 0 {
			return nil, errors.New("there is no area to measure")
		}
		return all, nil
	}
	known := make([]string, 0, len(all))
	for _, a := range all {
		if a.Name == name {
			return []Area{a}, nil
		}
		known = append(known, a.Name)
	}
	return nil, fmt.Errorf("no area %q; there are: %s", name, strings.Join(known, ", "))
}

func demand(figures []Figure, names string) error {
	var missing []string
	for name := range strings.SplitSeq(names, ",") {
		if name != "" && !has(figures, name) {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("asked for and not measured: %s", strings.Join(missing, ", "))
	}
	return nil
}
