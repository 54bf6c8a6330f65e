//go:build gui

package desktop

import (
	"context"
	"errors"
	"os"
	"runtime"
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

// Run opens the window and blocks until the person closes it or ctx is over.
// It must be called from the main goroutine, once.
func Run(ctx context.Context, core ui.Core) error {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return ErrNoDisplay
	}
	ctx, cancel := context.WithCancel(ctx)
	a := app.NewWithID(id)
	a.SetIcon(ui.Icon())
	a.Settings().SetTheme(theme.New())

	w := a.NewWindow("SONM")
	shell := ui.New(a.Clipboard().SetContent)
	w.SetPadded(false)
	w.SetContent(shell.Content())
	w.Resize(ui.Size())
	w.CenterOnScreen()
	w.SetMaster()

	var work sync.WaitGroup
	again := make(chan struct{}, 1)
	a.Lifecycle().SetOnStarted(func() {
		work.Go(func() { shell.Pump(ctx, core, again) })
		work.Go(func() {
			<-ctx.Done()
			fyne.Do(a.Quit)
		})
	})
	a.Lifecycle().SetOnEnteredForeground(func() {
		select {
		case again <- struct{}{}:
		default: // one look is already due
		}
	})
	w.ShowAndRun()
	cancel()
	work.Wait()
	return nil
}
