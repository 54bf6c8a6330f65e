package view_test

import (
	"strings"
	"testing"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/ui/view"
)

func snm(s string) fog.Amount {
	a, err := fog.ParseAmount(s)
	if err != nil {
		panic(err)
	}
	return a
}

func TestCoins(t *testing.T) {
	for _, c := range []struct {
		amount string
		round  view.Rounding
		want   string
	}{
		{"0", view.Up, "0 SNM"},
		{"3.8", view.Nearest, "3.80 SNM"},
		{"3.806", view.Nearest, "3.81 SNM"},
		{"3.809", view.Down, "3.80 SNM"},
		{"3.801", view.Up, "3.81 SNM"},
		{"3.80", view.Up, "3.80 SNM"},
		{"0.999999", view.Nearest, "1.00 SNM"},
		{"0.5", view.Nearest, "0.50 SNM"},
		{"0.01234", view.Nearest, "0.0123 SNM"},
		{"0.000000000000000001", view.Down, "0.000000000000000001 SNM"},
		{"1234567.891", view.Down, "1\u00a0234\u00a0567.89 SNM"},
	} {
		if got := view.Coins(snm(c.amount), c.round); got != c.want {
			t.Errorf("Coins(%s, %d) = %q, want %q", c.amount, c.round, got, c.want)
		}
	}
}

// TestCoinsNeverFlatters holds what a rounding promises, over many sizes.
func TestCoinsNeverFlatters(t *testing.T) {
	for n := uint64(1); n < 1<<62; n = n*7/3 + 1 {
		a := fog.Wei(n)
		read := func(r view.Rounding) fog.Amount {
			return snm(strings.ReplaceAll(strings.TrimSuffix(view.Coins(a, r), " SNM"), "\u00a0", ""))
		}
		if read(view.Down).Cmp(a) > 0 || read(view.Up).Cmp(a) < 0 {
			t.Errorf("%s is shown as %s at least and %s at most", a, read(view.Down), read(view.Up))
		}
		if read(view.Down).IsZero() {
			t.Errorf("%s is shown as nothing", a)
		}
	}
}

var (
	one, two = fog.JobID{1}, fog.JobID{2}
	morning  = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
)

func job(id fog.JobID, s event.State) event.Job {
	return event.Job{ID: id, Scene: "a.glb", Width: 1280, Height: 720, Samples: 1, State: s, Created: morning.Add(time.Duration(id[0]) * time.Minute)}
}

func TestUpdate(t *testing.T) {
	snap := event.Snapshot{Network: "practice", Peers: 2, Jobs: []event.Job{job(one, event.Running)}, Selling: &event.Selling{Tasks: 3}}
	start := view.Update(view.Model{}, event.Event{Snapshot: &snap})
	if start.Link != view.Linked || start.Peers != 2 || len(start.Jobs) != 1 || start.Selling.Tasks != 3 {
		t.Fatalf("after the snapshot: %+v", start)
	}
	newer := job(two, event.Quoted)
	m := view.Update(start, event.Event{Job: &newer})
	if len(m.Jobs) != 2 || m.Jobs[0].ID != two {
		t.Errorf("a newer job is not first: %+v", m.Jobs)
	}
	done := job(one, event.Done)
	m = view.Update(m, event.Event{Job: &done})
	if j, ok := m.Job(one); !ok || j.State != event.Done || len(m.Jobs) != 2 {
		t.Errorf("a changed job: %+v, %d jobs", j, len(m.Jobs))
	}
	if j, _ := start.Job(one); j.State != event.Running {
		t.Error("Update changed the model it was given")
	}
	m = view.Update(m, event.Event{Stopped: true})
	if m.Selling != nil || m.Sold == nil || m.Sold.Tasks != 3 {
		t.Errorf("after the end of selling: selling %v, sold %v", m.Selling, m.Sold)
	}
	m = view.Update(view.Lose(m, nil), event.Event{Snapshot: &event.Snapshot{}})
	if m.Link != view.Linked || len(m.Jobs) != 0 || m.Sold == nil {
		t.Errorf("after a second snapshot: %+v", m)
	}
}

func TestHome(t *testing.T) {
	on := func(deals int) view.Model {
		return view.Model{Link: view.Linked, Selling: &event.Selling{Price: snm("2"), Deals: deals}, Sold: &event.Selling{}}
	}
	for _, c := range []struct {
		name    string
		m       view.Model
		till    view.Till
		title   string
		on, can bool
	}{
		{"nothing told", view.Model{}, view.Till{}, "Starting", false, false},
		{"off", view.Model{Link: view.Linked}, view.Till{}, "Selling is off", false, true},
		{"pressed on", view.Model{Link: view.Linked}, view.Till{Turning: true, On: true}, "Switching on", true, false},
		{"on, no work", on(0), view.Till{}, "Waiting for work", true, true},
		{"at work", on(2), view.Till{}, "Earning", true, true},
		{"pressed off", on(2), view.Till{Turning: true}, "Switching off", false, false},
		{"lost", view.Lose(on(2), nil), view.Till{}, "Not running", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := view.HomeOf(c.m, c.till)
			if h.Title != c.title || h.On != c.on || h.CanTurn != c.can {
				t.Errorf("%q, on %t, can be turned %t; want %q, %t, %t", h.Title, h.On, h.CanTurn, c.title, c.on, c.can)
			}
			if earning := strings.Contains(h.Title+h.Pill, "WORKING"); earning != (c.name == "at work") {
				t.Errorf("says that it works: %t", earning)
			}
		})
	}
}

// What was earned today stays when selling ends, and when the engine is gone the
// window says why, if that is known.
func TestHomeKeepsTheDayAndSaysWhy(t *testing.T) {
	m := view.Update(view.Model{}, event.Event{Snapshot: &event.Snapshot{Today: snm("1.5")}})
	m = view.Update(m, event.Event{Selling: &event.Selling{Today: snm("2.5")}})
	m = view.Update(m, event.Event{Stopped: true})
	if f := view.HomeOf(m, view.Till{}).Figures[0]; f.Value != "2.50 SNM" {
		t.Errorf("%s: %s, want 2.50 SNM", f.Name, f.Value)
	}
	m = view.Lose(m, &event.Problem{Code: "network", What: "The network does not answer."})
	if h := view.HomeOf(m, view.Till{}); h.Trouble.What != "The network does not answer." {
		t.Errorf("trouble %+v", h.Trouble)
	}
	m = view.Update(m, event.Event{Snapshot: &event.Snapshot{Offline: true, Peers: 1}})
	if h := view.HomeOf(m, view.Till{}); h.Trouble.What != "" {
		t.Errorf("back again, and still in trouble: %+v", h.Trouble)
	}
	if f := view.FootOf(m); f.Tone != view.Warn || f.Note != "Payments wait for the network" {
		t.Errorf("foot %+v while the chain does not answer", f)
	}
}

// TestUnknownIsNoZero: what nobody told is not shown as a number.
func TestUnknownIsNoZero(t *testing.T) {
	for i, f := range view.HomeOf(view.Model{}, view.Till{}).Figures {
		if f.Value != view.None {
			t.Errorf("figure %d, %s, is %q before anything was told", i, f.Name, f.Value)
		}
	}
	j := job(one, event.Quoted)
	m := view.Model{Link: view.Linked, Jobs: []event.Job{j}}
	p := view.RenderOf(m, view.Desk{Job: &one, Starting: true}).Progress
	if p.Percent != view.None || p.Cost != view.None || strings.Contains(p.Parts, "0") {
		t.Errorf("a job that has not begun shows %q, %q, %q", p.Percent, p.Cost, p.Parts)
	}
}

func TestStage(t *testing.T) {
	failure := &event.Problem{What: "x"}
	for _, c := range []struct {
		name string
		desk view.Desk
		job  event.State
		want view.Stage
	}{
		{"nothing", view.Desk{}, "", view.Empty},
		{"wrong drop", view.Desk{Problem: failure}, "", view.Empty},
		{"no price", view.Desk{Scene: "a.glb", Problem: failure}, "", view.Broken},
		{"asking", view.Desk{Scene: "a.glb", Asking: true}, "", view.Pricing},
		{"answer before its event", view.Desk{Job: &two}, event.Done, view.Pricing},
		{"quoting elsewhere", view.Desk{Job: &one}, event.Quoting, view.Pricing},
		{"quoted", view.Desk{Job: &one}, event.Quoted, view.Offered},
		{"accepted", view.Desk{Job: &one, Starting: true}, event.Quoted, view.Working},
		{"running", view.Desk{Job: &one}, event.Running, view.Working},
		{"done", view.Desk{Job: &one}, event.Done, view.Finished},
		{"called off", view.Desk{Job: &one}, event.Cancelled, view.Broken},
		{"failed", view.Desk{Job: &one}, event.Failed, view.Broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := view.Model{Jobs: []event.Job{job(one, c.job)}}
			if got := view.StageOf(m, c.desk); got != c.want {
				t.Errorf("stage %d, want %d", got, c.want)
			}
		})
	}
}

func TestMoneyOfAJob(t *testing.T) {
	j := job(one, event.Quoted)
	j.Quote = &event.Quote{Job: one, Sellers: 1, Expected: snm("3.8"), Max: snm("4.101"), Tasks: 40}
	m := view.Model{Link: view.Linked, Jobs: []event.Job{j}, Money: event.Money{Balance: snm("3"), Escrow: snm("2"), Reserved: snm("0.5")}}
	p := view.RenderOf(m, view.Desk{Job: &one}).Price
	if p.Button != "Render for 3.80 SNM" || p.Most != "Never more than 4.11 SNM" || p.Have != "You have 4.50 SNM" || !p.Enough {
		t.Errorf("price: %+v", p)
	}
	m.Money.Balance = snm("1")
	if p := view.RenderOf(m, view.Desk{Job: &one}).Price; p.Enough || !strings.Contains(p.Have, "2.50 SNM, which does not reach") {
		t.Errorf("too little money: %+v", p)
	}
	j.State, j.Done, j.Total, j.Locked, j.Spent = event.Running, 10, 40, snm("4.101"), snm("1")
	m.Jobs = []event.Job{j}
	g := view.RenderOf(m, view.Desk{Job: &one, Sure: true}).Progress
	if g.Share != 0.25 || g.Percent != "25 %" || !strings.Contains(g.Sure, "About 3.10 SNM comes back") {
		t.Errorf("progress: %+v", g)
	}
	j.State, j.Refund = event.Done, snm("0.301")
	m.Jobs = []event.Job{j}
	if r := view.RenderOf(m, view.Desk{Job: &one}).Result; r.Paid != "1.00 SNM" || r.Back != "0.301 SNM came back to you" {
		t.Errorf("result: %+v", r)
	}
}

func TestForm(t *testing.T) {
	f := view.DefaultForm().With(view.Sizes()[0]).With(view.Qualities()[2])
	o, wrong := f.Order("/x/a.glb")
	if wrong != nil || o.Width != 640 || o.Height != 360 || o.Samples != 512 || o.Scene != "/x/a.glb" || o.CheckRate == 0 {
		t.Errorf("order %+v, %v", o, wrong)
	}
	if o.Frames != nil || o.FPS != 0 {
		t.Errorf("a picture has frames %+v at %v", o.Frames, o.FPS)
	}
	moving := f
	moving.Frames = " 1-48/2 "
	if o, wrong := moving.Order("a.glb"); wrong != nil || *o.Frames != (event.Frames{First: 1, Last: 48, Step: 2}) || o.FPS != 24 {
		t.Errorf("order %+v, %v", o, wrong)
	}
	if !f.Is(view.Sizes()[0]) || f.Is(view.Sizes()[1]) {
		t.Error("the wrong size is lit")
	}
	f.Denoise = true
	if o, wrong := f.Order("/x/a.glb"); wrong != nil || !o.Look.Denoise {
		t.Errorf("order %+v, %v", o, wrong)
	}
	for _, bad := range []view.Form{
		{Width: "1", Height: "1", Samples: "1", Denoise: true},
		{Width: "0", Height: "1", Samples: "1"},
		{Width: "1", Height: "-1", Samples: "1"},
		{Width: "1", Height: "1", Samples: "1e3"},
		{Width: "16385", Height: "1", Samples: "1"},
		{Width: "", Height: "1", Samples: "1"},
		{Width: "1", Height: "1", Samples: "65537"},
		{Width: "16384", Height: "16385", Samples: "1"},
		{Width: "99999999999999999999", Height: "1", Samples: "1"},
		{Width: "1", Height: "1", Samples: "1", Frames: "48-1"},
		{Width: "1", Height: "1", Samples: "1", Frames: "all"},
	} {
		if _, wrong := bad.Order("a.glb"); wrong == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestOffer(t *testing.T) {
	if p, n, wrong := (view.Offer{Price: " 0,5 ", Slots: "2"}).Read(); wrong != nil || p != snm("0.5") || n != 2 {
		t.Errorf("Read = %s, %d, %v", p, n, wrong)
	}
	for _, bad := range []view.Offer{{"", "1"}, {"0", "1"}, {"-1", "1"}, {"1", "0"}, {"1", "x"}, {"1", "1025"}} {
		if _, _, wrong := bad.Read(); wrong == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestFiles(t *testing.T) {
	if p, wrong := view.Scene([]string{"/a/read.me", "/a/B.GLB"}); wrong != nil || p != "/a/B.GLB" {
		t.Errorf("Scene = %q, %v", p, wrong)
	}
	for _, c := range []struct {
		dropped []string
		want    string
	}{
		{[]string{"/a/textures/", "/a/b.zip", "/a/c.gltf"}, "/a/c.gltf"},
		{[]string{"/a/textures/", "/a/b.ZIP"}, "/a/b.ZIP"},
		{[]string{"/a/read.me", "/a/my.scene/"}, "/a/my.scene"},
	} {
		if p, wrong := view.Scene(c.dropped); wrong != nil || p != c.want {
			t.Errorf("Scene(%q) = %q, %v; want %q", c.dropped, p, wrong, c.want)
		}
	}
	for _, bad := range [][]string{nil, {"/a/b.blend"}, {"/a/glb"}} {
		if _, wrong := view.Scene(bad); wrong == nil {
			t.Errorf("%q is taken as a scene", bad)
		}
	}
	for _, c := range [][2]string{{"/x/a", "/x/a.png"}, {"/x/a.exr", "/x/a.exr"}, {"/x/a.PNG", "/x/a.PNG"}, {"/x/a.b", "/x/a.b.png"}} {
		if got := view.PicturePath(c[0], ".png"); got != c[1] {
			t.Errorf("PicturePath(%s) = %s, want %s", c[0], got, c[1])
		}
	}
	if got := view.PictureName("harbour.glb", ".exr"); got != "harbour.exr" {
		t.Errorf("PictureName = %s", got)
	}
}
