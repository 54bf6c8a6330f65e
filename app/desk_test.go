package app_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sonm/app"
	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/engine/sandbox/sandboxtest"
)

// desk links to the engine of a home, or becomes it.
func desk(t *testing.T, home, url, child string) *app.Link {
	t.Helper()
	return linked(t, app.Config{Home: home, Network: url, Sandbox: child, Resume: true})
}

func linked(t *testing.T, c app.Config) *app.Link {
	t.Helper()
	c.Version, c.Log = "test", slog.New(slog.DiscardHandler)
	l := app.NewLink(c)
	if err := l.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLink(t, l) })
	return l
}

func closeLink(t *testing.T, l *app.Link) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// demoFile is the scene of the demo in a folder of its own.
func demoFile(t *testing.T) string {
	t.Helper()
	scene, err := app.DemoScene()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "scene.glb")
	if err := os.WriteFile(file, scene, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// practice serves a network for the test.
func practice(t *testing.T) string {
	t.Helper()
	url, _ := practiceIn(t, t.TempDir())
	return url
}

// practiceIn serves the network of a folder until stop is called or the test
// ends.
func practiceIn(t *testing.T, dir string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- app.ServeNetwork(ctx, app.NetworkRequest{
			Dir: dir, Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Ready: func(n app.NetworkInfo) { ready <- n.RPC },
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("network: %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case url := <-ready:
		return url, stop
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return "", nil
}

// A network that was stopped is back where it was, for programs that know no
// other address; meanwhile a window shows the money as it was told last.
func TestANetworkComesBackWhereItWas(t *testing.T) {
	child, err := sandboxtest.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir, home := t.TempDir(), t.TempDir()
	url, stop := practiceIn(t, dir)
	l := desk(t, home, url, child)
	before := <-snapshots(t, l)
	if before.Offline || before.Money.Balance.IsZero() {
		t.Fatalf("at first: %+v", before)
	}
	stop()
	if s := <-snapshots(t, l); !s.Offline || s.Money != before.Money {
		t.Errorf("without the network: offline %v, money %+v, want %+v", s.Offline, s.Money, before.Money)
	}
	if again, _ := practiceIn(t, dir); again != url {
		t.Errorf("the network is back at %s, it was at %s", again, url)
	}
	if s := <-snapshots(t, l); s.Offline || s.Money != before.Money {
		t.Errorf("with the network back: offline %v, money %+v, want %+v", s.Offline, s.Money, before.Money)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	other := t.TempDir()
	taken := `{"RPC":"` + ln.Addr().String() + `","Peer":"` + ln.Addr().String() + `"}`
	if err := os.WriteFile(filepath.Join(other, "ports.json"), []byte(taken), 0o600); err != nil {
		t.Fatal(err)
	}
	if url, _ := practiceIn(t, other); strings.HasSuffix(url, ln.Addr().String()) {
		t.Errorf("a network answers at %s, which is taken", url)
	}
}

// A window's whole job: one desk sells, another one quotes, accepts, watches
// the picture grow and saves it.
func TestADeskBuysFromADesk(t *testing.T) {
	child, err := sandboxtest.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	url := practice(t)
	seller, buyer := desk(t, t.TempDir(), url, child), desk(t, t.TempDir(), url, child)
	price, err := fog.ParseAmount("2")
	if err != nil {
		t.Fatal(err)
	}
	if err := seller.StartSelling(t.Context(), price, 1); err != nil {
		t.Fatal(err)
	}
	if err := seller.StartSelling(t.Context(), price, 1); err == nil {
		t.Error("it sells twice at once")
	}
	file := demoFile(t)
	q, err := buyer.Quote(t.Context(), event.Order{Scene: file, Width: 48, Height: 32, Samples: 8, Wait: 30 * time.Second, CheckRate: 1})
	if err != nil {
		t.Fatal(err)
	}
	if q.Sellers != 1 || q.Expected.IsZero() || q.Max.Cmp(q.Expected) < 0 {
		t.Errorf("quote %+v", q)
	}
	done := watch(t, buyer, q.Job)
	if err := buyer.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	if err := buyer.Accept(t.Context(), q.Job); err == nil {
		t.Error("a job was accepted twice")
	}
	j := <-done
	if j.State != event.Done || j.Done != j.Total || j.Checked != j.Total || j.Spent.Add(j.Refund) != j.Locked {
		t.Fatalf("job ended as %+v: %v", j, j.Problem)
	}
	p, err := buyer.Preview(t.Context(), q.Job, event.Look{})
	if err != nil || p.Width != 48 || p.Height != 32 || bytes.Count(p.RGBA, []byte{0}) == len(p.RGBA) {
		t.Errorf("preview of %dx%d: %v", p.Width, p.Height, err)
	}
	saved(t, buyer, q.Job, p)
	moving(t, buyer, file)
	if err := seller.StopSelling(t.Context()); err != nil {
		t.Errorf("stop selling: %v", err)
	}
}

// moving buys an animation with layers as a window does, which saves it when it
// is done: twice, as frames of two kinds and looks.
func moving(t *testing.T, d *app.Link, scene string) {
	t.Helper()
	order := event.Order{Scene: scene, Width: 24, Height: 16, Samples: 4, Wait: 30 * time.Second, Frames: &event.Frames{First: 3, Last: 5, Step: 2}, FPS: 24, Layers: true}
	q, err := d.Quote(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	done := watch(t, d, q.Job)
	if err := d.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	if j := <-done; j.State != event.Done || j.Frames != 2 || j.Ready != 2 {
		t.Fatalf("job ended as %+v: %v", j, j.Problem)
	}
	dir := t.TempDir()
	for name, look := range map[string]event.Look{"shot.png": {View: "agx", Bits: 16}, "other.###.exr": {Denoise: true}} {
		if err := d.Save(t.Context(), q.Job, filepath.Join(dir, name), look); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := []string{"other.003.exr", "other.005.exr", "shot_0003.png", "shot_0005.png"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("saved as %v, want %v: %v", names, want, err)
	}
	one, two := readEXR(t, filepath.Join(dir, names[0])), readEXR(t, filepath.Join(dir, names[1]))
	if !one.Note.Denoised || one.Layers == nil || !two.Note.Denoised || two.Layers == nil || one.Note.Film == two.Note.Film {
		t.Errorf("the frames say %+v and %+v", one.Note, two.Note)
	}
	if _, fine := decode(t, filepath.Join(dir, names[2])).(*image.RGBA64); !fine {
		t.Error("a frame has no 16 bits")
	}
	order.Frames.Last = 1
	if _, err := d.Quote(t.Context(), order); err == nil || !strings.Contains(err.Error(), "backwards") {
		t.Errorf("frames 3 to 1: %v", err)
	}
}

// watch gives the job when it has ended.
func watch(t *testing.T, d *app.Link, id fog.JobID) <-chan event.Job {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done, ended := make(chan event.Job, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Watch(ctx, func(e event.Event) {
			if e.Job != nil && e.Job.ID == id && e.Job.State != event.Quoted && e.Job.State != event.Running {
				done <- *e.Job
				cancel()
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return done
}

func saved(t *testing.T, d *app.Link, id fog.JobID, p event.Picture) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "x.png")
	if err := d.Save(t.Context(), id, filepath.Join(t.TempDir(), "x.gif"), event.Look{}); err == nil || !strings.Contains(err.Error(), ".png") {
		t.Errorf("saved as .gif: %v", err)
	}
	if err := d.Save(t.Context(), id, out, event.Look{}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	im, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 700, 48*32 - 1} { // what was on screen is what is in the file
		r, g, b, _ := im.At(i%48, i/48).RGBA()
		if p.RGBA[4*i] != uint8(r>>8) || p.RGBA[4*i+1] != uint8(g>>8) || p.RGBA[4*i+2] != uint8(b>>8) {
			t.Errorf("pixel %d is %d %d %d in the file and %v on screen", i, r>>8, g>>8, b>>8, p.RGBA[4*i:4*i+3])
		}
	}
}
