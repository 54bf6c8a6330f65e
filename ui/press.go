package ui

import (
	"context"
	"sync"

	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/ui/view"
)

// press is something the person asked of the core.
type press struct {
	do   func(ctx context.Context) error
	then func(error) // on the toolkit's goroutine
}

// send hands a press to Run; the window never waits for the core.
func (s *Shell) send(do func(ctx context.Context) error, then func(error)) {
	select {
	case s.presses <- press{do, then}:
	default: // the window is closing, nobody carries presses any more
	}
	s.refresh()
}

// problem is err for the person, nil if there is none.
func problem(err error) *event.Problem {
	if err == nil {
		return nil
	}
	return event.AsProblem(err)
}

// turn switches selling.
func (s *Shell) turn(on bool, o view.Offer) {
	s.till = view.Till{}
	if !on {
		s.sell(s.core.StopSelling)
		return
	}
	price, slots, wrong := o.Read()
	if wrong != nil {
		s.till.Problem = wrong
		s.refresh()
		return
	}
	s.sell(func(ctx context.Context) error { return s.core.StartSelling(ctx, price, slots) })
}

func (s *Shell) sell(do func(ctx context.Context) error) {
	s.till.Turning, s.till.On = true, s.model.Selling == nil
	s.send(do, func(err error) {
		if err != nil {
			s.till = view.Till{Problem: problem(err)}
		}
		s.refresh() // without an error the event that follows ends Turning
	})
}

// settle ends what an event has answered.
func (s *Shell) settle() {
	if s.till.Turning && (s.till.On == (s.model.Selling != nil) || s.model.Link == view.Lost) {
		s.till.Turning = false
	}
	if s.desk.Job == nil {
		return
	}
	j, ok := s.model.Job(*s.desk.Job)
	if ok && j.State != event.Quoted {
		s.desk.Starting = false
	}
	if ok && j.State != event.Quoted && j.State != event.Running {
		s.desk.Sure, s.desk.Stopping = false, false
	}
}

// resume puts a job on the empty desk that runs already when the window opens.
func (s *Shell) resume() {
	if s.desk.Job != nil || s.desk.Asking || s.desk.Scene != "" {
		return
	}
	for _, j := range s.model.Jobs {
		if j.State == event.Running {
			s.desk.Job = &j.ID
			return
		}
	}
}

// Open takes dropped files, the chosen one, or the program's arguments.
func (s *Shell) Open(paths []string) {
	s.Go(RenderPage)
	scene, wrong := view.Scene(paths)
	if wrong == nil {
		s.leave()
		s.desk = view.Desk{Scene: scene, Form: s.desk.Form}
		s.desk.Form.Camera, s.desk.Form.Frames = "", ""
		s.price()
		return
	}
	if s.busy() {
		s.desk.Problem = wrong
	} else {
		s.desk = view.Desk{Form: s.desk.Form, Problem: wrong}
	}
	s.refresh()
}

// busy reports whether the desk holds something a wrong drop must not clear.
func (s *Shell) busy() bool {
	st := view.StageOf(s.model, s.desk)
	return st == view.Pricing || st == view.Offered || st == view.Working || st == view.Finished
}

// leave drops a price nobody accepted.
func (s *Shell) leave() {
	if s.asked != nil {
		s.asked.stop()
		s.asked = nil
	}
	if view.StageOf(s.model, s.desk) == view.Offered {
		s.drop(*s.desk.Job)
	}
}

// drop gives a quote back. That it could not be is no news to the person: it
// holds nothing, and ends by itself.
func (s *Shell) drop(job fog.JobID) {
	s.send(func(ctx context.Context) error { return s.core.Cancel(ctx, job) }, func(error) {})
}

func (s *Shell) clear() {
	s.leave()
	s.desk = view.Desk{Form: s.desk.Form}
	s.refresh()
}

func (s *Shell) open(job fog.JobID) {
	s.leave()
	s.desk = view.Desk{Form: s.desk.Form, Job: &job}
	s.refresh()
}

func (s *Shell) change(f view.Form) {
	s.desk.Form = f
	s.refresh()
}

// asking is a price that is being made and may be called off meanwhile.
type asking struct {
	mu      sync.Mutex
	stopped bool   // guarded by mu
	cancel  func() // guarded by mu
}

func (a *asking) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	if a.cancel != nil {
		a.cancel()
	}
}

// begin answers with a context that stop ends.
func (a *asking) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		cancel()
	}
	a.cancel = cancel
	return ctx, cancel
}

// price asks for a price for the scene on the desk.
func (s *Shell) price() {
	order, wrong := s.desk.Form.Order(s.desk.Scene)
	if wrong != nil {
		s.desk.Problem = wrong
		s.refresh()
		return
	}
	s.leave()
	form, a := s.desk.Form, &asking{}
	s.asked = a
	s.desk = view.Desk{Scene: s.desk.Scene, Form: form, Priced: form, Asking: true}
	var q event.Quote
	s.send(func(ctx context.Context) error {
		ctx, cancel := a.begin(ctx)
		defer cancel()
		var err error
		q, err = s.core.Quote(ctx, order)
		return err
	}, func(err error) { s.priced(a, q, err) })
}

func (s *Shell) priced(a *asking, q event.Quote, err error) {
	switch {
	case s.asked != a && err == nil:
		s.drop(q.Job) // the person has moved on
		return
	case s.asked != a:
		return
	}
	s.asked = nil
	s.desk.Asking = false
	s.desk.Problem = problem(err)
	if err == nil {
		s.desk.Job = &q.Job
	}
	s.refresh()
}

// accept starts the job on the desk.
func (s *Shell) accept() {
	if s.desk.Job == nil {
		return
	}
	job := *s.desk.Job
	s.desk.Starting, s.desk.Problem = true, nil
	s.send(func(ctx context.Context) error { return s.core.Accept(ctx, job) }, func(err error) {
		s.answer(job, err, func() { s.desk.Starting = false })
	})
}

// answer takes what the core said about job, if it is still on the desk; undo
// is what an error takes back.
func (s *Shell) answer(job fog.JobID, err error, undo func()) {
	if s.desk.Job == nil || *s.desk.Job != job || err == nil {
		return
	}
	undo()
	s.desk.Problem = problem(err)
	s.refresh()
}

func (s *Shell) sure(ask bool) {
	s.desk.Sure = ask
	s.refresh()
}

func (s *Shell) cancel() {
	if s.desk.Job == nil {
		return
	}
	job := *s.desk.Job
	s.desk.Sure, s.desk.Stopping, s.desk.Problem = false, true, nil
	s.send(func(ctx context.Context) error { return s.core.Cancel(ctx, job) }, func(err error) {
		s.answer(job, err, func() { s.desk.Stopping = false })
	})
}

// pickLook takes the look the person picked for the picture on the desk.
func (s *Shell) pickLook(l event.Look) {
	s.desk.Look = &l
	s.refresh()
}

// save asks where to, and has the picture written.
func (s *Shell) save(ending string) {
	if s.desk.Job == nil {
		return
	}
	job := *s.desk.Job
	j, _ := s.model.Job(job)
	shown := view.LookOf(s.model, s.desk)
	s.desktop.ChooseSave(view.PictureName(j.Scene, ending), func(path string) {
		s.desk.Saving, s.desk.Problem = true, nil
		path = view.PicturePath(path, ending)
		s.send(func(ctx context.Context) error { return s.core.Save(ctx, job, path, shown) }, func(err error) {
			s.desk.Saving = false
			s.answer(job, err, func() {})
			s.refresh()
		})
	})
}
