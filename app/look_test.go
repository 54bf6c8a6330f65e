package app_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sonm/app"
	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/engine/job/picture"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readEXR(t *testing.T, path string) picture.File {
	t.Helper()
	f, err := picture.DecodeFile(readFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The layers come from sellers like the picture does: the same bits, however
// the job is cut, and the file says what it is.
func TestLayersAreRendered(t *testing.T) {
	m, dir := newMarket(t), t.TempDir()
	render := func(name string, tile int) (app.Summary, picture.File) {
		t.Helper()
		r := app.RenderRequest{Order: m.order(), Out: filepath.Join(dir, name)}
		r.Tile, r.Layers, r.CheckRate = tile, true, 0.5
		s, err := m.link(t, t.TempDir()).Render(t.Context(), r, func(fog.Fact) {})
		if err != nil {
			t.Fatal(err)
		}
		return s, readEXR(t, r.Out)
	}
	one, a := render("a.exr", 16)
	two, b := render("b.exr", 40)
	if one.Film != two.Film || one.Tasks == two.Tasks {
		t.Errorf("film %s of %d tasks, %s of %d", one.Film.Short(), one.Tasks, two.Film.Short(), two.Tasks)
	}
	if a.Layers == nil || b.Layers == nil || !slices.Equal(a.Layers.Normal, b.Layers.Normal) || !slices.Equal(a.Layers.Depth, b.Layers.Depth) {
		t.Fatal("the layers are not there, or not the same")
	}
	if want := (picture.Note{Software: "SONM test", Samples: 16, Film: one.Film.String()}); a.Note != want {
		t.Errorf("the file says %+v, want %+v", a.Note, want)
	}
	for i, v := range a.Layers.Albedo {
		if !(v >= 0 && v <= 1) {
			t.Fatalf("albedo %d = %v", i, v)
		}
	}
}

// A job that is gone on with is saved as it was ordered, by an engine that was
// not told again.
func TestAnInterruptedPictureIsSavedAsOrdered(t *testing.T) {
	m, home, out := newMarket(t), t.TempDir(), filepath.Join(t.TempDir(), "x.exr")
	r := app.RenderRequest{Order: m.order(), Out: out}
	r.Look = event.Look{Denoise: true}
	a := m.link(t, home)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var id fog.JobID
	stop := after(5, cancel)
	_, err := a.Render(ctx, r, func(f fog.Fact) {
		if l, ok := f.(fog.Locked); ok {
			id = l.Job
		}
		stop(f)
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("render: %v", err)
	}
	closeLink(t, a)
	j := <-until(t, m.link(t, home), id, func(j event.Job) bool { return j.Saved != "" || j.State == event.Failed })
	if j.Saved != out || !j.Layers || j.Look != r.Look {
		t.Fatalf("the job ended as %+v: %v", j, j.Problem)
	}
	if f := readEXR(t, out); !f.Note.Denoised || f.Layers == nil {
		t.Errorf("saved as %+v, layers: %v", f.Note, f.Layers != nil)
	}
}

// A picture that is asked for again in another look, when it was interrupted, is
// gone on with in that, also by an engine that is not told again.
func TestAnInterruptedPictureGetsItsNewLook(t *testing.T) {
	m, home, out := newMarket(t), t.TempDir(), filepath.Join(t.TempDir(), "x.png")
	var id fog.JobID
	interrupted := func(a *app.Link, look event.Look, done int) {
		t.Helper()
		r := app.RenderRequest{Order: m.order(), Out: out}
		r.Look = look
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stop := after(done, cancel)
		_, err := a.Render(ctx, r, func(f fog.Fact) {
			if l, ok := f.(fog.Locked); ok {
				if id != (fog.JobID{}) && id != l.Job {
					t.Errorf("another job was bought")
				}
				id = l.Job
			}
			stop(f)
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("render: %v", err)
		}
		closeLink(t, a)
	}
	darker := event.Look{Exposure: -3}
	interrupted(m.link(t, home), event.Look{}, 3)
	interrupted(linked(t, app.Config{Home: home, Network: m.url, Sandbox: m.child}), darker, 6)
	last := m.link(t, home)
	j := <-until(t, last, id, func(j event.Job) bool { return j.Saved != "" || j.State == event.Failed })
	if j.Saved != out || j.Look != darker {
		t.Fatalf("the job ended as %+v: %v", j, j.Problem)
	}
	savedIn(t, last, id, darker, out)
}

func TestLooksOfAPicture(t *testing.T) {
	m, dir := newMarket(t), t.TempDir()
	l := m.link(t, t.TempDir())
	for _, bad := range []event.Order{
		{Look: event.Look{View: "filmic"}, Samples: 4},
		{Look: event.Look{Bits: 12}, Samples: 4},
		{Look: event.Look{Exposure: 1e9}, Samples: 4},
		{Look: event.Look{Denoise: true}, Samples: 1},
	} {
		o := m.order()
		o.Look, o.Samples = bad.Look, bad.Samples
		if _, err := l.Quote(t.Context(), o); !isProblem(err, "settings") {
			t.Errorf("%+v of %d samples: %v", o.Look, o.Samples, err)
		}
	}
	o := m.order()
	o.Samples = 4
	q, err := l.Quote(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	done := watch(t, l, q.Job)
	if err := l.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	<-done
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := l.Save(t.Context(), q.Job, path("no.png"), event.Look{Denoise: true}); !isProblem(err, "denoise") {
		t.Errorf("a picture without layers is denoised: %v", err)
	}
	seen := map[string]bool{}
	for _, look := range []event.Look{{}, {View: "agx"}, {View: "neutral"}, {Exposure: -2}} {
		if err := l.Save(t.Context(), q.Job, path("p.png"), look); err != nil {
			t.Fatal(err)
		}
		p, err := l.Preview(t.Context(), q.Job, look)
		if err != nil {
			t.Fatal(err)
		}
		saved := decode(t, path("p.png"))
		r, g, b, _ := saved.At(20, 20).RGBA()
		at := p.RGBA[4*(20*p.Width+20):]
		if uint8(r>>8) != at[0] || uint8(g>>8) != at[1] || uint8(b>>8) != at[2] {
			t.Errorf("%+v: saved %d %d %d, shown %v", look, r>>8, g>>8, b>>8, at[:3])
		}
		seen[string(p.RGBA)] = true
	}
	if len(seen) != 4 {
		t.Errorf("4 looks, %d pictures", len(seen))
	}
	if err := l.Save(t.Context(), q.Job, path("fine.png"), event.Look{Bits: 16}); err != nil {
		t.Fatal(err)
	}
	if _, fine := decode(t, path("fine.png")).(*image.RGBA64); !fine {
		t.Error("no 16 bits")
	}
}

// Frames that all show the same are paid for one by one: that is said with the
// price, and of one picture it is not.
func TestFramesOfASceneThatStandsStill(t *testing.T) {
	m := newMarket(t)
	l := m.link(t, t.TempDir())
	for _, frames := range []*event.Frames{nil, {First: 0, Last: 3, Step: 1}} {
		o := m.order()
		o.Samples, o.Frames, o.FPS = 1, frames, 24
		q, err := l.Quote(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(strings.Join(q.Warnings, " "), "Nothing in the scene moves")
		if said != (frames != nil) {
			t.Errorf("frames %+v: warnings %q", frames, q.Warnings)
		}
	}
}

func decode(t *testing.T, path string) image.Image {
	t.Helper()
	im, err := png.Decode(bytes.NewReader(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func isProblem(err error, code string) bool {
	p, ok := errors.AsType[*event.Problem](err)
	return ok && p.Code == code
}
