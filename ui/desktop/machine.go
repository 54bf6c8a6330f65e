//go:build gui

package desktop

import (
	"net/url"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"

	"sonm/ui/view"
)

// machine is the ui.Desktop of a real window.
type machine struct {
	app    fyne.App
	window fyne.Window
	folder fyne.ListableURI // the last one chosen from; nil is the toolkit's choice
}

// ChooseScene opens the file dialog.
func (m *machine) ChooseScene(then func(string)) {
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err != nil || r == nil {
			return // closed without a choice
		}
		path := r.URI().Path()
		_ = r.Close()
		m.remember(path)
		then(path)
	}, m.window)
	d.SetFilter(storage.NewExtensionFileFilter(view.Endings()))
	m.open(d)
}

// ChooseSave opens the file dialog.
func (m *machine) ChooseSave(name string, then func(string)) {
	d := dialog.NewFileSave(func(w fyne.URIWriteCloser, err error) {
		if err != nil || w == nil {
			return // closed without a choice
		}
		path := w.URI().Path()
		_ = w.Close()
		// The dialog leaves an empty file behind, which a picture that cannot be
		// saved, or gets an ending of its own, would not replace.
		if fi, err := os.Stat(path); err == nil && fi.Size() == 0 {
			_ = os.Remove(path)
		}
		m.remember(path)
		then(path)
	}, m.window)
	d.SetFileName(name)
	d.SetFilter(storage.NewExtensionFileFilter([]string{".png", ".exr", ".mp4", ".webm", ".mkv"}))
	m.open(d)
}

// open shows a file dialog on most of the window.
func (m *machine) open(d *dialog.FileDialog) {
	if m.folder != nil {
		d.SetLocation(m.folder)
	}
	d.Show()
	size := m.window.Canvas().Size()
	d.Resize(fyne.NewSize(size.Width*0.8, size.Height*0.85)) // before Show it panics
}

func (m *machine) remember(path string) {
	if l, err := storage.ListerForURI(storage.NewFileURI(filepath.Dir(path))); err == nil {
		m.folder = l
	}
}

// OpenFolder asks the desktop's file manager.
func (m *machine) OpenFolder(file string) {
	u := &url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Dir(file))}
	if err := m.app.OpenURL(u); err != nil {
		dialog.ShowInformation("The folder cannot be opened", filepath.Dir(file), m.window)
	}
}
