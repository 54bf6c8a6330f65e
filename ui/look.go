package ui

import (
	"context"

	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/ui/view"
)

// look names one state of one picture.
type look struct {
	job   fog.JobID
	state event.State
	done  int // tasks with a result
	shown event.Look
}

// wantPicture asks for the picture on the desk if it is not the one last asked
// for: one that has not grown is not fetched again.
func (s *Shell) wantPicture() {
	var want look
	if j, ok := view.Shown(s.model, s.desk); ok {
		want = look{j.ID, j.State, j.Done, view.LookOf(s.model, s.desk)}
		want.shown.Denoise = false // the screen shows what was rendered
	}
	if want == s.looked {
		return
	}
	if want.job != s.looked.job {
		s.render.Picture(nil)
	}
	s.looked = want
	if st := view.StageOf(s.model, s.desk); want == (look{}) || st == view.Empty || st == view.Broken {
		return
	}
	select { // the newest wins
	case <-s.looks:
	default:
	}
	s.looks <- want
}

// watchPicture fetches what is wanted, at most every lookEvery.
func (s *Shell) watchPicture(ctx context.Context, do func(func())) {
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-s.looks:
			// Without a picture the page says that none has come yet.
			if pic, err := s.core.Preview(ctx, l.job, l.shown); err == nil {
				do(func() { s.hang(l, pic) })
			}
			pause(ctx, lookEvery)
		}
	}
}

// hang shows pic if it is of the job on the desk.
func (s *Shell) hang(l look, pic event.Picture) {
	if s.looked.job == l.job {
		s.render.Picture(&pic)
	}
}
