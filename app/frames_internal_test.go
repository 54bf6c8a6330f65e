package app

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sonm/app/event"
	"sonm/engine/job"
)

func TestNamesOfFrames(t *testing.T) {
	for _, c := range []struct{ path, first, result string }{
		{"/a/shot.png", "/a/shot_0007.png", "/a/shot_####.png"},
		{"/a#/shot.EXR", "/a#/shot_0007.EXR", "/a#/shot_####.EXR"},
		{"/a/#x##y.png", "/a/#x07y.png", "/a/#x##y.png"},
		{"/a/%d-%s.png", "/a/%d-%s_0007.png", "/a/%d-%s_####.png"},
		{"/a/-y.mp4", "/a/-y_0007.png", "/a/-y.mp4"},
		{"/a/shot_##.mkv", "/a/shot_07.png", "/a/shot.mkv"},
		{"/a/###.webm", "/a/007.png", "/a/film.webm"},
	} {
		o, err := outputsOf(c.path, true)
		if err != nil || o.frame(7) != c.first || o.result() != c.result {
			t.Errorf("%s: frame 7 is %s, the result %s, want %s and %s: %v", c.path, o.frame(7), o.result(), c.first, c.result, err)
		}
		if o, err := outputsOf(c.path, false); err == nil && (o.frame(7) != c.path || o.result() != c.path) {
			t.Errorf("one picture %s is saved as %s", c.path, o.frame(7))
		}
	}
}

// twoFrames is an animation of two frames, and what makes them.
func twoFrames(t *testing.T) (job.Settings, func(context.Context, int) (*job.Film, error)) {
	t.Helper()
	set := job.Settings{Scene: "a.glb", Width: 15, Height: 9, Samples: 1, FPS: 10, Frames: &job.Frames{First: 1, Last: 2, Step: 1}}
	return set, func(context.Context, int) (*job.Film, error) {
		f, err := job.FilmOf(set)
		if err != nil {
			return nil, err
		}
		s := job.Spec{X1: 15, Y1: 9}
		return f, f.Add(s, make([]byte, s.PayloadSize()))
	}
}

// A frame that was saved and is gone since is saved again: who says that an
// animation is saved must be right.
func TestFramesThatAreGoneAreSavedAgain(t *testing.T) {
	set, join := twoFrames(t)
	o, err := outputsOf(filepath.Join(t.TempDir(), "shot.png"), true)
	if err != nil {
		t.Fatal(err)
	}
	joined := 0
	counted := func(ctx context.Context, n int) (*job.Film, error) { joined++; return join(ctx, n) }
	r := newReel(o, event.Look{}, "SONM")
	for _, want := range []int{2, 2, 3} { // joined in all: both, none, the one that is gone
		if want == 3 {
			if err := os.Remove(o.frame(2)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.finish(t.Context(), set, counted); err != nil {
			t.Fatal(err)
		}
		if joined != want {
			t.Errorf("%d frames are joined, want %d", joined, want)
		}
		for n := 1; n <= 2; n++ {
			if _, err := os.Stat(o.frame(n)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAnEncoderThatIsNotThereOrBroken(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	_, err := findEncoder(t.Context(), "/a/shot.mp4")
	says(t, err, "ffmpeg, which encodes films, is not installed")
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = findEncoder(t.Context(), "/a/shot.mp4")
	says(t, err, "ffmpeg, which encodes films, does not work")
}

// To ffmpeg a name may be an option, a pattern or a protocol.
func TestAFilmOfAnyName(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed (make test installs it): no film is encoded")
	}
	set, join := twoFrames(t)
	dir := filepath.Join(t.TempDir(), "-y", "%03d", "concat:a|b")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"-i.mp4", "%d '\"$(x);.mp4", "tcp:x.MKV"} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			o, err := outputsOf(filepath.Join(dir, name), true)
			if err != nil {
				t.Fatal(err)
			}
			if err := newReel(o, event.Look{}, "SONM").finish(t.Context(), set, join); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(o.film); err != nil || info.Size() == 0 {
				t.Errorf("there is no film: %v", err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, ".sonm-*")); err != nil || len(left) > 0 {
				t.Errorf("it left %v: %v", left, err)
			}
		})
	}
}

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
