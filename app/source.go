package app

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sonm/app/event"
	"sonm/engine/apps"
	"sonm/engine/job"
)

// source is where the files of a scene are. Names are relative, '/' separated
// and stay inside.
type source interface {
	open(name string) (io.ReadCloser, error) // fs.ErrNotExist if it is not there
	names() ([]string, error)                // of every file, in any order
	Close() error
}

// Bounds of what is looked through for a scene.
const (
	maxEntries = 1 << 16   // files; as many as a job may have
	maxRatio   = 100       // of an archive's files to itself: textures do not shrink, geometry does tenfold
	smallFiles = 256 << 20 // bytes that any archive may grow to
)

// findScene finds the scene that a path means: a file, the only one in a folder,
// or the only one in a .zip archive. It reads no scene yet.
func findScene(pool *apps.Pool, file string) (src source, main string, err error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, "", &event.Problem{Code: "no_file", What: fmt.Sprintf("The scene %s cannot be opened: %s.", file, reason(err)), Cause: err}
	case info.IsDir():
		return only(pool, file, "folder", openFolder)
	case !info.Mode().IsRegular():
		return nil, "", &event.Problem{Code: "no_file", What: fmt.Sprintf("%s is not a file.", file), Do: "Name a .glb or .gltf file."}
	case strings.EqualFold(filepath.Ext(file), ".zip"):
		return only(pool, file, "archive", openArchive)
	}
	if _, err := appFor(pool, file); err != nil {
		return nil, "", err
	}
	src, err = openFolder(filepath.Dir(file))
	return src, filepath.Base(file), err
}

// only opens a place and picks the one scene in it.
func only(pool *apps.Pool, file, kind string, open func(string) (source, error)) (source, string, error) {
	src, err := open(file)
	if err != nil {
		return nil, "", err
	}
	names, err := src.names()
	if err == nil {
		var main string
		if main, err = pick(pool, names, file, kind); err == nil {
			return src, main, nil
		}
	}
	return nil, "", errors.Join(err, src.Close())
}

// pick is the only scene at the top or, if none is there, the only one below.
func pick(pool *apps.Pool, names []string, file, kind string) (string, error) {
	var top, all []string
	for _, name := range names {
		if _, ok := pool.ForFile(name); !ok || hidden(name) {
			continue
		}
		all = append(all, name)
		if !strings.Contains(name, "/") {
			top = append(top, name)
		}
	}
	if len(top) > 0 {
		all = top
	}
	slices.Sort(all)
	switch base := filepath.Base(file); {
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return "", &event.Problem{
			Code: "format", What: fmt.Sprintf("There is no scene in the %s %s.", kind, base),
			Do: "SONM opens " + strings.Join(pool.Endings(), " and ") + " files; every 3D program can export these.",
		}
	case kind == "folder":
		return "", &event.Problem{
			Code: "several", What: fmt.Sprintf("There is more than one scene in the %s %s: %s.", kind, base, listed(all)), Do: "Open the one you mean.",
		}
	default:
		return "", &event.Problem{
			Code: "several", What: fmt.Sprintf("There is more than one scene in the %s %s: %s.", kind, base, listed(all)),
			Do: "Unpack the archive and open the one you mean.",
		}
	}
}

// hidden reports whether a name, or a folder in it, is none that a person made:
// what systems keep beside files begins with a dot or is in __MACOSX.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "__MACOSX" || strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// folder is a folder on disk. Nothing outside it is read, whatever links say.
type folder struct{ root *os.Root }

func openFolder(dir string) (source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &event.Problem{Code: "no_file", What: fmt.Sprintf("The folder %s cannot be opened: %s.", dir, reason(err)), Cause: err}
	}
	return folder{root}, nil
}

func (f folder) open(name string) (io.ReadCloser, error) {
	name = filepath.FromSlash(name)
	info, err := f.root.Stat(name) // first: a pipe would keep whoever opens it
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	return f.root.Open(name)
}

func (f folder) names() ([]string, error) {
	var all []string
	seen := 0
	err := fs.WalkDir(f.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if seen++; seen > maxEntries {
			return &event.Problem{
				Code: "too_large", What: fmt.Sprintf("The folder %s has more than %d files.", filepath.Base(f.root.Name()), maxEntries),
				Do: "Open the scene itself.",
			}
		}
		switch {
		case err != nil && name == ".":
			return &event.Problem{Code: "no_file", What: fmt.Sprintf("The folder %s cannot be read: %s.", f.root.Name(), reason(err)), Cause: err}
		case err != nil:
			return nil //nolint:nilerr // a folder below that we may not read holds no scene of ours
		case d.IsDir() && name != "." && hidden(d.Name()):
			return fs.SkipDir
		case d.Type().IsRegular():
			all = append(all, name)
		}
		return nil
	})
	return all, err
}

func (f folder) Close() error { return f.root.Close() }

// archive is a .zip file; nothing of it is written to disk.
type archive struct {
	file  *os.File
	files map[string]*zip.File
}

func openArchive(file string) (source, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, &event.Problem{Code: "no_file", What: fmt.Sprintf("The archive %s cannot be opened: %s.", file, reason(err)), Cause: err}
	}
	a := archive{f, map[string]*zip.File{}}
	if err := a.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// read takes the list of files over and refuses what no honest archive holds.
func (a archive) read() error {
	base := filepath.Base(a.file.Name())
	wrong := func(format string, v ...any) error {
		return &event.Problem{Code: "archive", What: fmt.Sprintf("The archive %s "+format+".", append([]any{base}, v...)...), Do: "Pack the scene anew, or open it unpacked."}
	}
	info, err := a.file.Stat()
	if err != nil {
		return err
	}
	r, err := zip.NewReader(a.file, info.Size())
	if err != nil {
		return wrong("is damaged or no .zip file")
	}
	if len(r.File) > maxEntries {
		return wrong("has %d files, %d may be", len(r.File), maxEntries)
	}
	total := uint64(0)
	for _, f := range r.File {
		name := strings.ReplaceAll(f.Name, `\`, "/")
		if strings.HasSuffix(name, "/") {
			continue
		}
		switch kind := f.Mode().Type(); {
		case job.CheckPath(name) != nil:
			return wrong("has a file called %q, which could lie outside of it", f.Name)
		case kind != 0:
			return wrong("has %q, which is a link and no file", f.Name)
		case a.files[name] != nil:
			return wrong("has the file %q twice", f.Name)
		case f.Flags&1 != 0:
			return wrong("is protected by a password")
		case f.UncompressedSize64 > maxScene:
			return wrong("has the file %q of %d MB, %d MB fit", f.Name, f.UncompressedSize64>>20, maxScene>>20)
		}
		total += f.UncompressedSize64
		a.files[name] = f
	}
	if total > maxScene || total > smallFiles && total > maxRatio*uint64(info.Size()) {
		return wrong("would grow from %d to %d MB", info.Size()>>20, total>>20)
	}
	return nil
}

func (a archive) open(name string) (io.ReadCloser, error) {
	f, ok := a.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	r, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, errors.New("it is packed in a way that is not known")
	}
	if err != nil {
		return nil, errArchive
	}
	return unzipped{r}, nil
}

var errArchive = errors.New("the archive is damaged")

// unzipped is a file of an archive; whatever stops it, the archive is at fault.
type unzipped struct{ io.ReadCloser }

func (u unzipped) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = errArchive
	}
	return n, err
}

func (a archive) names() ([]string, error) {
	var all []string
	for name := range a.files {
		all = append(all, name)
	}
	return all, nil
}

func (a archive) Close() error { return a.file.Close() }

// inside reports whether a name stays in its source and means the same on every
// system.
func inside(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && path.Clean(name) == name && job.CheckPath(name) == nil
}
