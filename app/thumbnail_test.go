package app_test

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sonm/app"
	"sonm/app/event"
	"sonm/engine/sandbox/sandboxtest"
)

// archiveOf packs one file, in a folder, as people send them.
func archiveOf(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "scene.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("cornell/" + filepath.Base(file))
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// A second window, on the same engine, sees a compressed scene out of an archive
// before it has a price, and no more once there is none to be had.
func TestASceneIsShownBeforeItsPrice(t *testing.T) {
	child, err := sandboxtest.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	url, home := practice(t), t.TempDir()
	asks, sees := desk(t, home, url, child), desk(t, home, url, child)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	jobs, ended := make(chan event.Job, 64), make(chan struct{})
	go func() {
		defer close(ended)
		_ = sees.Watch(ctx, func(e event.Event) {
			if e.Job != nil {
				jobs <- *e.Job
			}
		})
	}()
	answer := make(chan error, 1)
	start := time.Now()
	go func() {
		_, err := asks.Quote(ctx, event.Order{
			Scene: archiveOf(t, "../engine/guest/pathtracer/testdata/cornell_draco.glb"), Width: 1920, Height: 1080, Samples: 128, Wait: 5 * time.Second,
		})
		answer <- err
	}()
	var j event.Job
	select {
	case j = <-jobs:
	case err := <-answer:
		t.Fatalf("there was an answer before a picture: %v", err)
	}
	t.Logf("the thumbnail came after %v", time.Since(start).Round(10*time.Millisecond))
	if j.State != event.Quoting || !j.Thumbnail || j.Quote != nil || j.Scene != "scene.zip" {
		t.Errorf("the job is %+v", j)
	}
	visible(t, sees, j)
	err = <-answer
	t.Logf("the answer came after %v", time.Since(start).Round(10*time.Millisecond))
	if err == nil {
		t.Error("there is a price without sellers")
	}
	if j := <-jobs; j.State != event.Cancelled {
		t.Errorf("without a price the job is %+v", j)
	}
	if _, err := sees.Preview(ctx, j.ID, event.Look{}); err == nil {
		t.Error("it is still shown")
	}
	cancel()
	<-ended
}

// visible fails if the thumbnail of a job is not a small picture of something.
func visible(t *testing.T, l *app.Link, j event.Job) {
	t.Helper()
	p, err := l.Preview(t.Context(), j.ID, event.Look{})
	if err != nil || p.Width != 240 || p.Height != 135 || len(p.RGBA) != 4*240*135 {
		t.Fatalf("a thumbnail of %d x %d pixels in %d bytes: %v", p.Width, p.Height, len(p.RGBA), err)
	}
	light := 0
	for i := 0; i < len(p.RGBA); i += 4 {
		if p.RGBA[i+3] != 255 {
			t.Fatalf("pixel %d is missing", i/4)
		}
		if int(p.RGBA[i])+int(p.RGBA[i+1])+int(p.RGBA[i+2]) > 90 {
			light++
		}
	}
	if light < 240*135/10 {
		t.Errorf("%d of %d pixels are lit", light, 240*135)
	}
}
