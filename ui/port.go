package ui

import (
	"context"

	"sonm/app/event"
	"sonm/engine/fog"
)

// Core is what the window needs of the rest of the program: the engine in this
// process, or the way to the one that already runs. Every method may be called
// from any goroutine.
type Core interface {
	// Watch tells a snapshot first, then events in order. It returns when ctx
	// ends or the engine is gone.
	Watch(ctx context.Context, tell func(event.Event)) error
	// Quote inspects, pilots and prices, which takes seconds; what goes wrong is
	// an *event.Problem.
	Quote(ctx context.Context, o event.Order) (event.Quote, error)
	// Accept starts a quoted job.
	Accept(ctx context.Context, job fog.JobID) error
	// Cancel stops a job, or drops its quote.
	Cancel(ctx context.Context, job fog.JobID) error
	// Preview is what there is of the picture, in a look but never denoised.
	Preview(ctx context.Context, job fog.JobID, look event.Look) (event.Picture, error)
	// Save writes the picture in a look; path ends in .png or .exr; of an
	// animation also in .mp4, .webm or .mkv. Denoising takes up to a minute for
	// each picture.
	Save(ctx context.Context, job fog.JobID, path string, look event.Look) error
	// StartSelling offers this computer at price per fog.UnitsPerPrice units,
	// slots tasks at once.
	StartSelling(ctx context.Context, price fog.Amount, slots int) error
	// StopSelling takes the offer back.
	StopSelling(ctx context.Context) error
}

// Desktop is what the window asks of the machine it is on. Calls come from the
// toolkit's goroutine and return at once; answers go to then, on the same
// goroutine, and not at all when the person changes their mind.
type Desktop interface {
	// ChooseScene lets the person pick a scene.
	ChooseScene(then func(path string))
	// ChooseSave lets the person say where a picture called name goes.
	ChooseSave(name string, then func(path string))
	// OpenFolder shows the folder a file lies in.
	OpenFolder(file string)
}
