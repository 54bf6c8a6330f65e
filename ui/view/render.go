package view

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"sonm/app/event"
	"sonm/engine/fog"
)

// Stage is where the render page is.
type Stage int

// The stages of the render page.
const (
	Empty    Stage = iota // drop something
	Pricing               // a price is made
	Offered               // a price waits for the person
	Working               // tiles arrive
	Finished              // can be saved
	Broken                // a problem, or called off
)

// Desk is what the person has before them on the render page. The zero value
// is an empty desk.
type Desk struct {
	Scene    string // path; "" when the job came from elsewhere
	Form     Form
	Priced   Form       // the form the price is for
	Asking   bool       // a price is being made
	Job      *fog.JobID // the job shown
	Starting bool       // the job was accepted and has not begun
	Sure     bool       // the person is asked whether to cancel
	Stopping bool       // cancel was pressed
	Saving   bool
	Look     *event.Look // what the person picked for the picture; nil is what was ordered
	Problem  *event.Problem
}

// StageOf is the stage of a desk.
func StageOf(m Model, d Desk) Stage {
	switch {
	case d.Asking:
		return Pricing
	case d.Job == nil && d.Scene != "" && d.Problem != nil:
		return Broken
	case d.Job == nil:
		return Empty
	}
	j, ok := m.Job(*d.Job)
	if !ok {
		return Pricing // the quote came before the event that tells of its job
	}
	switch j.State {
	case event.Quoting:
		return Pricing
	case event.Quoted:
		if d.Starting {
			return Working
		}
		return Offered
	case event.Running:
		return Working
	case event.Done:
		return Finished
	default:
		return Broken
	}
}

// Shown is the job whose picture belongs on the desk: the one that is there or,
// while a price is made, the one it is made for, once its thumbnail is there.
func Shown(m Model, d Desk) (event.Job, bool) {
	if d.Asking {
		i := slices.IndexFunc(m.Jobs, func(j event.Job) bool {
			return j.State == event.Quoting && j.Thumbnail && j.Scene == filepath.Base(d.Scene)
		})
		if i < 0 {
			return event.Job{}, false
		}
		return m.Jobs[i], true
	}
	if d.Job == nil {
		return event.Job{}, false
	}
	return m.Job(*d.Job)
}

// Render is the render page in words.
type Render struct {
	Stage    Stage
	Scene    string // name of the file
	Shape    string // size and samples
	Price    Price
	Progress Progress
	Result   Result
	Trouble  Trouble // of the whole page, or of the last press
	Again    bool    // the scene is known and can be tried once more
	Changed  bool    // the form is not the one the price is for
	Earlier  []Row
}

// RenderOf is the render page of m and d.
func RenderOf(m Model, d Desk) Render {
	r := Render{
		Stage: StageOf(m, d), Changed: d.Scene != "" && d.Form != d.Priced, Again: d.Scene != "",
		Trouble: Say(d.Problem), Earlier: earlier(m, d),
	}
	if d.Scene != "" {
		r.Scene = filepath.Base(d.Scene)
	}
	if d.Job == nil {
		return r
	}
	j, ok := m.Job(*d.Job)
	if !ok {
		return r
	}
	r.Scene, r.Shape = j.Scene, shape(j)
	if j.Quote != nil {
		r.Price = priceOf(m, *j.Quote)
	}
	switch r.Stage {
	case Working:
		r.Progress = progressOf(j, d)
	case Finished:
		r.Result = resultOf(j, d)
	case Broken:
		r.Trouble = ended(j)
	default:
	}
	return r
}

func shape(j event.Job) string {
	s := fmt.Sprintf("%d × %d, %s", j.Width, j.Height, count(j.Samples, "sample", "samples"))
	if j.Frames > 0 {
		s += ", " + count(j.Frames, "frame", "frames")
	}
	return s
}

// ended says why a job has no picture.
func ended(j event.Job) Trouble {
	switch {
	case j.State == event.Failed && j.Problem != nil:
		return Say(j.Problem)
	case j.State == event.Cancelled && j.Spent.IsZero():
		return Trouble{What: "You called this job off. Nothing was paid."}
	case j.State == event.Cancelled:
		return Trouble{What: fmt.Sprintf("You called this job off. %s went to the computers for what they had done.", Coins(j.Spent, Nearest))}
	}
	return Trouble{What: "The job ended without a picture.", Do: "Try again."}
}

// Price is the card with the price for the job.
type Price struct {
	About    string // "3.80 SNM"
	Most     string
	Who      string
	What     string // what is in the scene
	Have     string
	Enough   bool // the money reaches
	Button   string
	Cameras  []string
	Warnings []string
	Moves    Animation
}

func priceOf(m Model, q event.Quote) Price {
	p := Price{
		About: Coins(q.Expected, Nearest), Most: "Never more than " + Coins(q.Max, Up),
		Who:  count(q.Sellers, "computer shares", "computers share") + " " + count(q.Tasks, "task", "tasks"),
		What: count(int(min(q.Drawn, 1<<53)), "triangle", "triangles"), Button: "Render for " + Coins(q.Expected, Nearest),
		Cameras: q.Cameras, Warnings: q.Warnings, Moves: animationOf(q.Animations),
	}
	have := m.Money.Balance
	if free, err := m.Money.Escrow.Sub(m.Money.Reserved); err == nil {
		have = have.Add(free)
	}
	p.Have, p.Enough = "You have "+Coins(have, Down), have.Cmp(q.Max) >= 0
	if !p.Enough {
		p.Have += ", which does not reach"
	}
	return p
}

// Progress is a job that runs.
type Progress struct {
	Share     float64 // 0 to 1
	Percent   string
	Parts     string
	Who       string
	Cost      string
	CostNote  string
	Checked   string
	CanCancel bool
	Sure      string // asks whether to cancel; "" does not
	Stopping  bool
}

func progressOf(j event.Job, d Desk) Progress {
	p := Progress{Parts: "Getting started", Percent: None, Cost: None, CostNote: "Nothing paid yet", Stopping: d.Stopping}
	if j.State != event.Running {
		return p
	}
	p.CanCancel = !d.Stopping
	if j.Total > 0 {
		p.Share = min(max(float64(j.Done)/float64(j.Total), 0), 1)
		p.Percent = strconv.Itoa(int(p.Share*100)) + " %"
		p.Parts = fmt.Sprintf("%s of %s done", grouped(strconv.Itoa(j.Done)), count(j.Total, "task", "tasks"))
		if j.Frames > 0 {
			p.Parts = fmt.Sprintf("%d of %s, %s", j.Ready, count(j.Frames, "frame", "frames"), p.Parts)
		}
	}
	p.Who = "Waiting for computers"
	if j.Sellers > 0 {
		p.Who = count(j.Sellers, "computer works", "computers work") + " on it"
	}
	p.Cost, p.CostNote = Coins(j.Spent, Nearest), "of at most "+Coins(j.Locked, Up)+" set aside"
	if j.Locked.IsZero() {
		p.CostNote = "Setting money aside"
	}
	p.Checked = again(j)
	if d.Sure {
		p.Sure = sure(j)
	}
	return p
}

// again says how much was checked.
func again(j event.Job) string {
	if j.Checked == 0 {
		return ""
	}
	return count(j.Checked, "task", "tasks") + " checked by doing them again"
}

func sure(j event.Job) string {
	back, err := j.Locked.Sub(j.Spent)
	if err != nil || j.Locked.IsZero() {
		return "Stop this job and give up the picture?"
	}
	return fmt.Sprintf("Stop this job and give up the picture? About %s comes back to you; %s is for work already done.",
		Coins(back, Down), Coins(j.Spent, Nearest))
}

// Result is a job that is done.
type Result struct {
	Paid    string
	Back    string
	Checked string
	Saved   string // name of the saved file, "" if not saved
	Path    string
	Saving  bool
	Moves   bool   // it is an animation
	Save    string // on the button

	Look    event.Look
	Clean   bool   // it can be denoised
	Honesty string // what the look does to the picture, "" if nothing
}

// LookOf is how the picture on the desk is shown and saved.
func LookOf(m Model, d Desk) event.Look {
	if d.Look != nil {
		return *d.Look
	}
	if d.Job != nil {
		if j, ok := m.Job(*d.Job); ok {
			return j.Look
		}
	}
	return event.Look{}
}

// Views are the names of the ways to show bright light, and what the engine
// calls them.
func Views() (names, words []string) {
	return []string{"Standard", "AgX (film-like)", "Neutral (true colours)"}, []string{"standard", "agx", "neutral"}
}

func resultOf(j event.Job, d Desk) Result {
	r := Result{Paid: Coins(j.Spent, Nearest), Path: j.Saved, Saving: d.Saving, Moves: j.Frames > 0, Checked: again(j), Back: "All that was set aside was needed"}
	if !j.Refund.IsZero() {
		r.Back = Coins(j.Refund, Down) + " came back to you"
	}
	r.Save, r.Look, r.Clean = "Save picture…", j.Look, j.Layers
	if r.Moves {
		r.Save = "Save pictures…"
	}
	if d.Look != nil {
		r.Look = *d.Look
	}
	switch {
	case r.Saving && r.Look.Denoise:
		r.Save = "Denoising…"
	case r.Saving:
		r.Save = "Saving…"
	}
	if r.Clean && r.Look.Denoise {
		r.Honesty = "Saved without the grain you see, and labelled as denoised."
	}
	if j.Saved != "" {
		r.Saved = filepath.Base(j.Saved)
	}
	return r
}

// Row is one job of the list.
type Row struct {
	ID    fog.JobID
	Scene string
	Note  string
	State string
	Tone  Tone
	Sum   string
}

// earlier lists the jobs that are not on the desk.
func earlier(m Model, d Desk) []Row {
	var rows []Row
	for _, j := range m.Jobs {
		dropped := j.State == event.Cancelled && j.Locked.IsZero() // only its price was looked at
		mine := d.Job != nil && *d.Job == j.ID || d.Asking && j.State == event.Quoted
		if j.State == event.Quoting || dropped || mine {
			continue
		}
		rows = append(rows, row(j))
	}
	return rows
}

func row(j event.Job) Row {
	r := Row{ID: j.ID, Scene: j.Scene, Note: shape(j), Sum: Coins(j.Spent, Nearest)}
	switch j.State {
	case event.Quoted:
		r.State, r.Tone, r.Sum = "Waits for you", Warn, ""
		if j.Quote != nil {
			r.Sum = "about " + Coins(j.Quote.Expected, Nearest)
		}
	case event.Running:
		r.State, r.Tone = "Working", Calm
	case event.Done:
		r.State, r.Tone = "Done", Good
	case event.Cancelled:
		r.State, r.Tone = "Called off", Warn
	default:
		r.State, r.Tone = "Problem", Bad
		if j.Locked.IsZero() {
			r.Sum = ""
		}
	}
	return r
}
