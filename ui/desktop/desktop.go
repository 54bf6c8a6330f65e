//go:build gui

package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"

	"sonm/ui"
	"sonm/ui/theme"
)

// id names the program to the desktop; FyneApp.toml says the same.
const id = "network.sonm.desktop"

// ErrNoDisplay says that this machine has no screen to open a window on.
var ErrNoDisplay = errors.New("there is no screen to open a window on; the terminal program does the same work without one: sonm demo")

// Check returns ErrNoDisplay where no window can be opened.
func Check() error {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return ErrNoDisplay
	}
	return nil
}

// Run opens the window, with files dropped on it at once if there are any, and
// blocks until the person closes it or ctx is over. It must be called from the
// main goroutine, once.
func Run(ctx context.Context, core ui.Core, files []string) (err error) {
	if err := Check(); err != nil {
		return err
	}
	open := false
	defer func() {
		if wrong := recover(); wrong != nil && open {
			panic(wrong)
		} else if wrong != nil { // the toolkit's way to say that it finds no screen or no OpenGL
			err = fmt.Errorf("%w (%v)", ErrNoDisplay, wrong)
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := app.NewWithID(id)
	a.SetIcon(ui.Icon())
	a.Settings().SetTheme(theme.New())

	w := a.NewWindow("SONM")
	shell := ui.New(core, &machine{app: a, window: w})
	w.SetPadded(false)
	w.SetContent(shell.Content())
	w.Resize(ui.Size())
	w.CenterOnScreen()
	w.SetMaster()
	w.SetOnDropped(func(_ fyne.Position, dropped []fyne.URI) { shell.Open(paths(dropped)) })

	var work sync.WaitGroup
	ended := make(chan struct{})
	do := func(f func()) {
		select {
		case <-ended: // the toolkit has shut down: it would run f here, and fall over
		default:
			fyne.Do(f)
		}
	}
	a.Lifecycle().SetOnStarted(func() {
		open = true
		if len(files) > 0 {
			shell.Open(marked(files))
		}
		work.Go(func() { shell.Run(ctx, do) })
		work.Go(func() {
			<-ctx.Done()
			do(a.Quit)
		})
	})
	w.ShowAndRun()
	close(ended)
	cancel()
	work.Wait()
	return nil
}

// paths are the files among what was dropped; a picture dragged out of a
// browser is an address and no file.
func paths(dropped []fyne.URI) []string {
	var all []string
	for _, u := range dropped {
		if u.Scheme() == "file" {
			all = append(all, u.Path())
		}
	}
	return marked(all)
}

// marked ends the paths of folders in a slash.
func marked(paths []string) []string {
	all := slices.Clone(paths)
	for i, p := range all {
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			all[i] = strings.TrimRight(filepath.ToSlash(p), "/") + "/"
		}
	}
	return all
}
