package app

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"sonm/app/event"
	"sonm/engine/job"
)

// grey is a film of one grey.
func grey(t *testing.T, v float32) *job.Film {
	t.Helper()
	f, err := job.NewFilm(2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for range 2 * 3 {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	if err := f.Add(job.Spec{X1: 2, Y1: 1}, out); err != nil {
		t.Fatal(err)
	}
	return f
}

// A job that is gone on with does not make the frames again that are there, and
// takes no other file for them.
func TestFramesThatAreThereAreNotSavedAgain(t *testing.T) {
	agx := event.Look{View: "agx"}
	for _, ext := range []string{".png", ".exr"} {
		for _, c := range []struct {
			name     string
			film     float32
			look     event.Look
			software string
			resumed  bool
			png, exr bool // it is the same file
		}{
			{"the same", 1, agx, "a", true, true, true},
			{"of a new order", 1, agx, "a", false, false, false},
			{"another film", 2, agx, "a", true, false, false},
			{"the plain look", 1, event.Look{}, "a", true, false, true},
			{"another look", 1, event.Look{View: "agx", Exposure: 1}, "a", true, false, true},
			{"16 bits", 1, event.Look{View: "agx", Bits: 16}, "a", true, false, true},
			{"another program", 1, agx, "b", true, false, false},
		} {
			out, err := outputsOf(filepath.Join(t.TempDir(), "x"+ext), true)
			if err != nil {
				t.Fatal(err)
			}
			keep := func(r *reel, film float32) os.FileInfo {
				t.Helper()
				if err := r.keep(t.Context(), 1, grey(t, film)); err != nil {
					t.Fatal(err)
				}
				st, err := os.Stat(out.frame(1))
				if err != nil || !r.done[1] {
					t.Fatal(err, r.done)
				}
				return st
			}
			before := keep(newReel(out, agx, "a"), 1)
			r := newReel(out, c.look, c.software)
			r.resumed = c.resumed
			want := c.png
			if ext == ".exr" {
				want = c.exr
			}
			if got := os.SameFile(before, keep(r, c.film)); got != want {
				t.Errorf("%s, %s: it is the same file: %v, want %v", ext, c.name, got, want)
			}
		}
	}
}
