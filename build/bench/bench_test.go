package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func samples(v ...float64) Sample {
	return func(context.Context) (float64, error) {
		x := v[0]
		v = v[1:]
		return x, nil
	}
}

func example(t *testing.T) Area {
	t.Helper()
	return Area{Name: "sums", Names: []string{"sums.time", "sums.ratio"}, Run: func(ctx context.Context, b *Bench) error {
		if err := b.Median(ctx, Figure{Name: "sums.time", Unit: "s", Better: Lower}, samples(9, 1, 2)); err != nil {
			return err
		}
		return b.Ratio(ctx, Figure{Name: "sums.ratio", Unit: "x", Better: Higher, Rival: "abacus"}, samples(1, 2, 30), samples(1, 1, 10))
	}}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-area", "sums", "-results", dir, "-names", "sums.time"}, []Area{example(t)}, &out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "sums.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []Figure
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := []Figure{{"sums.time", 2, "s", Lower, "", 3}, {"sums.ratio", 2, "x", Higher, "abacus", 3}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("results %v, want %v", got, want)
	}
	if !strings.Contains(out.String(), "abacus") || !strings.Contains(string(b), `"rival": ""`) {
		t.Errorf("table %s and file %s", out.String(), b)
	}
}

func TestRunRefuses(t *testing.T) {
	broken := func(err error) Area {
		return Area{Name: "a", Run: func(context.Context, *Bench) error { return err }}
	}
	promising := example(t)
	promising.Names = append(promising.Names, "sums.more")
	for _, c := range []struct {
		name  string
		args  []string
		areas []Area
		want  string
	}{
		{"an unknown area", []string{"-area", "sum"}, []Area{example(t)}, `no area "sum"; there are: sums`},
		{"an unknown name", []string{"-names", "sums.time,sums.x"}, []Area{example(t)}, "asked for and not measured: sums.x"},
		{"a broken promise", nil, []Area{promising}, "sums.more was promised and not measured"},
		{"a failed area", nil, []Area{broken(errors.New("no scene"))}, "area a: no scene"},
		{"an area of nothing", nil, []Area{broken(nil)}, "nothing was measured"},
		{"no areas", nil, nil, "no area to measure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := run(t.Context(), append(c.args, "-results", t.TempDir()), c.areas, new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("run = %v, want %q", err, c.want)
			}
		})
	}
}

func TestAddRefuses(t *testing.T) {
	good := Figure{Name: "a", Value: 1, Better: Lower, Runs: 1}
	for name, spoil := range map[string]func(*Figure){
		"no name":     func(f *Figure) { f.Name = "" },
		"no runs":     func(f *Figure) { f.Runs = 0 },
		"no way":      func(f *Figure) { f.Better = "more" },
		"not a value": func(f *Figure) { f.Value = math.NaN() },
	} {
		f := good
		spoil(&f)
		if err := new(Bench).Add(f); err == nil {
			t.Errorf("a figure with %s is taken", name)
		}
	}
	b := new(Bench)
	if err := b.Add(good); err != nil {
		t.Fatal(err)
	}
	if b.Add(good) == nil {
		t.Error("the same figure is taken twice")
	}
}

func TestRatioRefusesZero(t *testing.T) {
	b := &Bench{Runs: 1}
	if b.Ratio(t.Context(), Figure{Name: "r", Better: Lower, Rival: "x"}, samples(1), samples(0)) == nil {
		t.Error("a ratio with nothing is taken")
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{5, 1, 2}, 2}, {[]float64{4, 1, 2, 8}, 3}} {
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}

// burn in the environment makes the test program use time and memory.
const burn = "SONM_TEST_BURN"

func TestMain(m *testing.M) {
	if os.Getenv(burn) == "" {
		os.Exit(m.Run())
	}
	held := make([]byte, 96<<20)
	for i := range held {
		held[i] = byte(i)
	}
	for start := time.Now(); time.Since(start) < 200*time.Millisecond; {
		held[len(held)/2]++
	}
	_, _ = os.Stdout.WriteString("burnt")
}

func TestChild(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(burn, "1")
	cost, err := Child(t.Context(), self)
	if err != nil {
		t.Fatal(err)
	}
	if string(cost.Out) != "burnt" || cost.Wall < 200*time.Millisecond || cost.CPU < 20*time.Millisecond || cost.Peak < 96<<20 || cost.Peak > 1<<30 {
		t.Errorf("wall %v, CPU %v, peak %d MB, said %q", cost.Wall, cost.CPU, cost.Peak>>20, cost.Out)
	}
}

func TestChildFails(t *testing.T) {
	if _, err := Child(t.Context(), "/bin/sh", "-c", "echo broken >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("Child = %v, want what the child said", err)
	}
}
