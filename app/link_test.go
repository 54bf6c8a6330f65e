package app_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sonm/app"
	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/engine/sandbox/sandboxtest"
)

// market is a practice network with one seller, and a scene.
type market struct{ url, child, scene string }

func newMarket(t *testing.T) market {
	t.Helper()
	child, err := sandboxtest.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := market{url: practice(t), child: child, scene: demoFile(t)}
	if err := desk(t, t.TempDir(), m.url, m.child).StartSelling(t.Context(), snm(t, "2"), 1); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m market) link(t *testing.T, home string) *app.Link {
	t.Helper()
	return desk(t, home, m.url, m.child)
}

// order is a job of 24 tasks.
func (m market) order() event.Order {
	return event.Order{Scene: m.scene, Width: 64, Height: 48, Samples: 16, Tile: 16, Block: 8, Wait: 30 * time.Second, CheckRate: 0.1}
}

func snm(t *testing.T, s string) fog.Amount {
	t.Helper()
	a, err := fog.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The second that opens a home is served by the first, and sees and does the
// same.
func TestTwoLinksShareOneEngine(t *testing.T) {
	m, home := newMarket(t), t.TempDir()
	a, b := m.link(t, home), m.link(t, home)
	if !a.Engine() || b.Engine() {
		t.Fatalf("engine: %v and %v, want the first alone", a.Engine(), b.Engine())
	}
	q, err := b.Quote(t.Context(), m.order())
	if err != nil {
		t.Fatal(err)
	}
	atA, atB := watch(t, a, q.Job), watch(t, b, q.Job)
	if err := b.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	var known *event.Problem
	if err := b.Accept(t.Context(), q.Job); !errors.As(err, &known) || known.Code != "job" {
		t.Errorf("a job accepted twice: %v", err)
	}
	ja, jb := <-atA, <-atB
	if ja.State != event.Done || jb.State != event.Done || ja.Spent != jb.Spent || jb.Spent.Add(jb.Refund) != jb.Locked || jb.Spent.IsZero() {
		t.Fatalf("the job ended as %+v here and %+v there", ja, jb)
	}
	pa, err := a.Preview(t.Context(), q.Job, event.Look{})
	if err != nil {
		t.Fatal(err)
	}
	pb, err := b.Preview(t.Context(), q.Job, event.Look{})
	if err != nil || pa.Width != pb.Width || pa.Height != pb.Height || !bytes.Equal(pa.RGBA, pb.RGBA) {
		t.Errorf("the two see different pictures: %v", err)
	}
	out := filepath.Join(t.TempDir(), "x.png")
	if err := b.Save(t.Context(), q.Job, out, event.Look{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
	ma, errA := a.Money(t.Context())
	mb, errB := b.Money(t.Context())
	if errors.Join(errA, errB) != nil || ma != mb {
		t.Errorf("money %+v and %+v: %v %v", ma, mb, errA, errB)
	}
	if _, err := b.Preview(t.Context(), fog.JobID{1}, event.Look{}); !errors.As(err, &known) || known.Code != "job" {
		t.Errorf("a picture of no job: %v", err)
	}
}

// Selling through the socket ends with who asked for it, and not with who only
// switched it on.
func TestSellingIsSharedToo(t *testing.T) {
	m, home := newMarket(t), t.TempDir()
	a, b := m.link(t, home), m.link(t, home)
	ctx, cancel := context.WithCancel(t.Context())
	offered, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- b.Sell(ctx, app.SellRequest{Price: snm(t, "3"), Slots: 1}, func(f fog.Fact) {
			if _, ok := f.(fog.AskPublished); ok {
				close(offered)
			}
		})
	}()
	<-offered
	s, err := app.AskStatus(t.Context(), app.Config{Home: home, Version: "test"})
	if err != nil || s.Selling == nil || s.Selling.Price != snm(t, "3") || s.Selling.Level < fog.LevelLimited {
		t.Errorf("status while selling: %+v, %v", s.Selling, err)
	}
	if err := a.StartSelling(t.Context(), snm(t, "4"), 1); err == nil {
		t.Error("it sells twice at once")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("sell: %v", err)
	}
	for { // the engine hears of the end of the line a moment later
		if s, err = app.AskStatus(t.Context(), app.Config{Home: home, Version: "test"}); err != nil || s.Selling == nil {
			break
		}
	}
	if err := b.StartSelling(t.Context(), snm(t, "4"), 1); err != nil {
		t.Fatal(err)
	}
	if s, err := app.AskStatus(t.Context(), app.Config{Home: home, Version: "test"}); err != nil || s.Selling == nil {
		t.Errorf("status after the switch: %+v, %v", s, err)
	}
	if err := a.StopSelling(t.Context()); err != nil {
		t.Error(err)
	}
}

// after calls do once when n tasks are done.
func after(n int, do func()) func(fog.Fact) {
	var once sync.Once
	return func(f fog.Fact) {
		if d, ok := f.(fog.TaskDone); ok && d.Done >= n {
			once.Do(do)
		}
	}
}

// When the engine ends in the middle of a job, whoever waits for the job
// becomes the engine and goes on with it.
func TestAJobOutlivesItsEngine(t *testing.T) {
	m, home := newMarket(t), t.TempDir()
	want, err := m.link(t, t.TempDir()).Render(t.Context(), app.RenderRequest{Order: m.order(), Out: filepath.Join(t.TempDir(), "x.exr")}, func(fog.Fact) {})
	if err != nil {
		t.Fatal(err)
	}
	a, b := m.link(t, home), m.link(t, home)
	var closed sync.WaitGroup
	leave := after(5, func() { closed.Go(func() { closeLink(t, a) }) })
	done := map[uint32]bool{}
	out := filepath.Join(t.TempDir(), "y.exr")
	got, err := b.Render(t.Context(), app.RenderRequest{Order: m.order(), Out: out}, func(f fog.Fact) {
		switch f := f.(type) {
		case fog.TaskLeased:
			if b.Engine() && done[f.Index] {
				t.Errorf("task %d is leased again", f.Index)
			}
		case fog.TaskDone:
			done[f.Index] = true
		}
		leave(f)
	})
	closed.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if !b.Engine() || got.Film != want.Film || got.Buyer.Spent != want.Buyer.Spent {
		t.Errorf("engine: %v; film %s for %s, want %s for %s", b.Engine(), got.Film, got.Buyer.Spent, want.Film, want.Buyer.Spent)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
}

// A picture that is asked for again while it is made is made once, and saved in
// the look that was asked for last.
func TestAPictureAskedForTwiceIsMadeOnce(t *testing.T) {
	m, home, out := newMarket(t), t.TempDir(), filepath.Join(t.TempDir(), "x.png")
	a, b := m.link(t, home), m.link(t, home)
	order := m.order()
	darker := event.Look{Exposure: -3}
	order.Samples = 256 // so that the second finds it running
	var second app.Summary
	var asked sync.WaitGroup
	again := after(2, func() {
		asked.Go(func() {
			var err error
			order := order
			order.Look = darker
			if second, err = b.Render(t.Context(), app.RenderRequest{Order: order, Out: out}, func(fog.Fact) {}); err != nil {
				t.Error(err)
			}
		})
	})
	first, err := a.Render(t.Context(), app.RenderRequest{Order: order, Out: out}, again)
	asked.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if first.Job != second.Job || first.Film != second.Film || first.Buyer != second.Buyer {
		t.Errorf("made as job %s for %s and as %s for %s", first.Job.Short(), first.Buyer.Spent, second.Job.Short(), second.Buyer.Spent)
	}
	savedIn(t, a, first.Job, darker, out)
}

// savedIn checks that a finished job's picture was saved in a look.
func savedIn(t *testing.T, l *app.Link, id fog.JobID, look event.Look, out string) {
	t.Helper()
	p, err := l.Preview(t.Context(), id, look)
	if err != nil {
		t.Fatal(err)
	}
	im := decode(t, out)
	for y := range p.Height {
		for x := range p.Width {
			r, g, b, _ := im.At(x, y).RGBA()
			if at := p.RGBA[4*(y*p.Width+x):]; uint8(r>>8) != at[0] || uint8(g>>8) != at[1] || uint8(b>>8) != at[2] {
				t.Fatalf("pixel %d, %d is saved as %d %d %d and shown as %v", x, y, r>>8, g>>8, b>>8, at[:3])
			}
		}
	}
}

// A window goes on with the jobs of before from what is on disk alone: the scene
// may be gone.
func TestAWindowGoesOnWithItsJobs(t *testing.T) {
	m, home := newMarket(t), t.TempDir()
	a := m.link(t, home)
	q, err := a.Quote(t.Context(), m.order())
	if err != nil {
		t.Fatal(err)
	}
	some := until(t, a, q.Job, func(j event.Job) bool { return j.Done >= 5 })
	if err := a.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	before := <-some
	closeLink(t, a)
	if err := os.Remove(m.scene); err != nil {
		t.Fatal(err)
	}
	b := m.link(t, home)
	j := <-watch(t, b, q.Job)
	if j.State != event.Done || j.Scene != "scene.glb" || j.Locked != before.Locked || j.Spent.Add(j.Refund) != j.Locked {
		t.Fatalf("the job ended as %+v: %v", j, j.Problem)
	}
	out := filepath.Join(t.TempDir(), "x.png")
	if err := b.Save(t.Context(), q.Job, out, event.Look{}); err != nil {
		t.Error(err)
	}
	if money, err := b.Money(t.Context()); err != nil || !money.Reserved.IsZero() {
		t.Errorf("%s SNM are still reserved: %v", money.Reserved, err)
	}
}

// until gives the first state of a job that is ok.
func until(t *testing.T, l *app.Link, id fog.JobID, ok func(event.Job) bool) <-chan event.Job {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	found, ended := make(chan event.Job, 1), make(chan struct{})
	look := func(j event.Job) {
		if j.ID == id && ok(j) && ctx.Err() == nil {
			found <- j
			cancel()
		}
	}
	go func() {
		defer close(ended)
		_ = l.Watch(ctx, func(e event.Event) {
			if e.Job != nil {
				look(*e.Job)
			}
			if e.Snapshot != nil {
				for _, j := range e.Snapshot.Jobs {
					look(j)
				}
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return found
}

// halfway buys a picture and gives its job when it has cost something and is not
// done.
func halfway(t *testing.T, m market, a *app.Link) event.Job {
	t.Helper()
	q, err := a.Quote(t.Context(), m.order())
	if err != nil {
		t.Fatal(err)
	}
	some := until(t, a, q.Job, func(j event.Job) bool { return j.Done >= 3 && !j.Spent.IsZero() })
	if err := a.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	return <-some
}

// snapshots gives the first snapshot.
func snapshots(t *testing.T, l *app.Link) <-chan event.Snapshot {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	first, ended := make(chan event.Snapshot, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.Watch(ctx, func(e event.Event) {
			if e.Snapshot != nil && ctx.Err() == nil {
				first <- *e.Snapshot
				cancel()
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return first
}

// What is said over the socket that makes no sense does the engine no harm.
func TestTheSocketRefusesNonsense(t *testing.T) {
	child, err := sandboxtest.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), strings.Repeat("a long name/", 12)) // a socket's path may not be that long
	url := practice(t)
	a := desk(t, home, url, child)
	path, err := os.ReadFile(filepath.Join(home, "sonm.sock.at"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(string(path)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v: %v", info.Mode(), err)
	}
	raw, err := net.Dial("unix", string(path))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Write([]byte("\x00\xff\n\n\n")); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", string(path))
	}}}
	for _, c := range []struct {
		what, version, body string
		status              int
		says                string
	}{
		{"accept", "test", "no JSON", http.StatusBadRequest, ""},
		{"accept", "test", `{"Job":"zz"}`, http.StatusBadRequest, ""},
		{"accept", "test", `{"Job":"` + strings.Repeat("00", 32) + `"}`, http.StatusOK, "not there any more"},
		{"quote", "test", `{"Scene":"/nowhere/scene.glb","Width":64,"Height":64,"Samples":1}`, http.StatusOK, "does not exist"},
		{"start", "test", `{"Slots":-1,"Price":"1"}`, http.StatusOK, "not between"},
		{"save", "test", `{}`, http.StatusOK, "not there any more"},
		{"explode", "test", `{}`, http.StatusNotFound, ""},
		{"money", "0.0.9", `{}`, http.StatusConflict, "Close the one"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sonm/"+c.what, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sonm-Version", c.version)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(said), c.says) || strings.Contains(string(said), "Done\":true") {
			t.Errorf("%s %.60s is answered by %d %q, want %d and %q", c.what, c.body, resp.StatusCode, said, c.status, c.says)
		}
	}
	big, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sonm/quote", strings.NewReader(`{"Scene":"`+strings.Repeat("x", 2<<20)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := client.Do(big); err == nil { // else the line was cut before all was said, which is as good
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("two megabytes are answered by %d", resp.StatusCode)
		}
	}
	other := app.NewLink(app.Config{Home: home, Network: url, Sandbox: child, Version: "0.0.9", Log: slog.New(slog.DiscardHandler)})
	var known *event.Problem
	if _, err := other.Money(t.Context()); !errors.As(err, &known) || known.Code != "version" {
		t.Errorf("a program of another version: %v", err)
	}
	closeLink(t, other)
	if b := desk(t, home, url, child); b.Engine() {
		t.Error("there are two engines")
	}
	closeLink(t, a)
	if _, err := os.Stat(filepath.Dir(string(path))); err == nil {
		t.Error("the socket's folder is left behind")
	}
}
