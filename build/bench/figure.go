package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// Better says which way a figure improves.
type Better string

// The two ways.
const (
	Higher Better = "higher"
	Lower  Better = "lower"
)

// Figure is one measured number.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"` // the median of the runs
	Unit   string  `json:"unit"`
	Better Better  `json:"better"`
	Rival  string  `json:"rival"` // what a ratio compares with, "" if it is none
	Runs   int     `json:"runs"`
}

// Area is a part of the program that is measured together.
type Area struct {
	Name  string
	Names []string // figures that Run promises; one that is missing is an error
	Run   func(ctx context.Context, b *Bench) error
}

// Bench collects an area's figures.
type Bench struct {
	Runs    int  // how often each figure is measured
	Full    bool // there is time for what takes long
	figures []Figure
}

// Sample measures one number.
type Sample func(ctx context.Context) (float64, error)

// Add takes a figure that the area measured by itself.
func (b *Bench) Add(f Figure) error {
	switch {
	case f.Name == "" || f.Runs < 1:
		return fmt.Errorf("figure %q of %d runs", f.Name, f.Runs)
	case f.Better != Higher && f.Better != Lower:
		return fmt.Errorf("figure %s: better is %q", f.Name, f.Better)
	case math.IsNaN(f.Value) || math.IsInf(f.Value, 0):
		return fmt.Errorf("figure %s is %v", f.Name, f.Value)
	case has(b.figures, f.Name):
		return fmt.Errorf("figure %s was measured twice", f.Name)
	}
	b.figures = append(b.figures, f)
	return nil
}

// Median measures b.Runs times and adds the median under name.
func (b *Bench) Median(ctx context.Context, f Figure, s Sample) error {
	var values []float64
	for range b.Runs {
		v, err := s(ctx)
		if err != nil {
			return fmt.Errorf("figure %s, run %d: %w", f.Name, len(values)+1, err)
		}
		values = append(values, v)
	}
	f.Value, f.Runs = median(values), b.Runs
	return b.Add(f)
}

// Ratio measures ours and the rival by turns, b.Runs times, changing who goes
// first, and adds the median of ours / rival. f.Rival names the rival.
func (b *Bench) Ratio(ctx context.Context, f Figure, ours, rival Sample) error {
	if f.Rival == "" {
		return fmt.Errorf("ratio %s does not name its rival", f.Name)
	}
	var ratios []float64
	for i := range b.Runs {
		pair, err := pair(ctx, ours, rival, i%2 == 1)
		if err != nil {
			return fmt.Errorf("ratio %s, run %d: %w", f.Name, i+1, err)
		}
		ratios = append(ratios, pair[0]/pair[1])
	}
	f.Value, f.Runs = median(ratios), b.Runs
	return b.Add(f)
}

func pair(ctx context.Context, ours, rival Sample, turned bool) ([2]float64, error) {
	var v [2]float64
	order := []int{0, 1}
	if turned {
		order = []int{1, 0}
	}
	for _, i := range order {
		var err error
		if v[i], err = [...]Sample{ours, rival}[i](ctx); err != nil {
			return v, err
		}
		if v[i] <= 0 {
			return v, fmt.Errorf("a ratio of %v", v[i])
		}
	}
	return v, nil
}

// median is the middle of v, or the mean of the middle two; v is not empty.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func has(figures []Figure, name string) bool {
	return slices.ContainsFunc(figures, func(f Figure) bool { return f.Name == name })
}

// measure runs an area and holds it to its promise.
func measure(ctx context.Context, a Area, runs int, full bool, limit time.Duration) ([]Figure, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	b := &Bench{Runs: runs, Full: full}
	if err := a.Run(ctx, b); err != nil {
		return nil, err
	}
	for _, name := range a.Names {
		if !has(b.figures, name) {
			return nil, fmt.Errorf("figure %s was promised and not measured", name)
		}
	}
	if len(b.figures) == 0 {
		return nil, fmt.Errorf("nothing was measured")
	}
	return b.figures, nil
}

func table(out io.Writer, area string, figures []Figure) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tvalue\tunit\tbetter\tagainst\truns\n", area)
	for _, f := range figures {
		fmt.Fprintf(w, "%s\t%.4g\t%s\t%s\t%s\t%d\n", f.Name, f.Value, f.Unit, f.Better, f.Rival, f.Runs)
	}
	return w.Flush()
}

// save writes the figures so that a reader sees the old file or the new one.
func save(dir, area string, figures []Figure) error {
	b, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return fmt.Errorf("results of %s: %w", area, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, area+".json")
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
