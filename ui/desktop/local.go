package desktop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"sonm/ui/view"
)

// Local is a ui.Core that looks only at the folder the program lies in.
type Local struct {
	Folder  string // where the programs lie
	Version string // of this build
}

// LocalHere looks beside the running program.
func LocalHere(version string) (Local, error) {
	self, err := os.Executable()
	if err != nil {
		return Local{}, fmt.Errorf("find this program's folder: %w", err)
	}
	return Local{Folder: filepath.Dir(self), Version: version}, nil
}

// Status looks whether the programs of the installation are there.
func (l Local) Status(ctx context.Context) (view.Status, error) {
	if err := ctx.Err(); err != nil {
		return view.Status{}, err
	}
	if fi, err := os.Stat(l.Folder); err != nil || !fi.IsDir() {
		return view.Status{}, fmt.Errorf("look into %s: not a folder that can be read", l.Folder)
	}
	return view.Status{
		Version: l.Version,
		Cores:   runtime.NumCPU(),
		Parts: []view.Part{
			l.part("Terminal program", "sonm", true),
			l.part("Keeps jobs locked away", "sonm-sandbox", true),
			l.part("Runs jobs fast", "libwasmer.so", false),
		},
	}, nil
}

// part looks for one file, which must be executable if it is a program.
func (l Local) part(name, file string, program bool) view.Part {
	if program && runtime.GOOS == "windows" {
		file += ".exe"
	}
	fi, err := os.Stat(filepath.Join(l.Folder, file))
	found := err == nil && fi.Mode().IsRegular() && fi.Size() > 0
	if program && runtime.GOOS != "windows" {
		found = found && fi.Mode()&0o111 != 0
	}
	return view.Part{Name: name, File: file, Found: found}
}
