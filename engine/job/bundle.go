package job

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a bundle.
const (
	MaxBundle = 1 << 31 // bytes; it must fit a wasm32 guest beside the scene built from it
	MaxFiles  = 1 << 16 // entries
	MaxPath   = 1024    // bytes of one path
)

const (
	bundleMagic   = "SNMB"
	bundleVersion = 1
	bundleHead    = 12 // magic, version, count
	entryHead     = 12 // path length u32, data length u64
)

// ErrBundle is wrapped by every refusal of bundle bytes.
var ErrBundle = errors.New("not a bundle")

// File is one entry of a bundle.
type File struct {
	Path string // relative, '/' separated, see CheckPath
	Data []byte
}

// Bundle is the files of a job in canonical order: by path, bytewise.
type Bundle []File

// CheckPath says in one sentence why p may not name a file of a bundle: it
// must be relative, stay inside, and mean the same on every system.
func CheckPath(p string) error {
	switch {
	case p == "":
		return errors.New("a file has no name")
	case len(p) > MaxPath:
		return fmt.Errorf("a file's path of %d bytes is too long, %d fit", len(p), MaxPath)
	case !utf8.ValidString(p):
		return fmt.Errorf("the path %q is not UTF-8", p)
	case p[0] == '/' || len(p) > 1 && p[1] == ':':
		return fmt.Errorf("the path %q is not relative", p)
	}
	for _, r := range p {
		if r < 0x20 || r == 0x7f || r == '\\' {
			return fmt.Errorf("the path %q holds %q, which a path may not", p, r)
		}
	}
	for seg := range strings.SplitSeq(p, "/") {
		if seg == "" || seg == "." || seg == ".." {
			return fmt.Errorf("the path %q holds the part %q, which a path may not", p, seg)
		}
	}
	return nil
}

// Pack writes the files in canonical order, whatever the order given, so equal
// files make equal bytes. Bad or repeated paths and oversize are refused.
func Pack(files []File) ([]byte, error) {
	if len(files) > MaxFiles {
		return nil, fmt.Errorf("%d files are too many for a bundle, %d fit", len(files), MaxFiles)
	}
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	size := uint64(bundleHead)
	for i, f := range sorted {
		if err := CheckPath(f.Path); err != nil {
			return nil, fmt.Errorf("pack: %w", err)
		}
		if i > 0 && sorted[i-1].Path == f.Path {
			return nil, fmt.Errorf("pack: the file %q is there twice", f.Path)
		}
		size += entryHead + uint64(len(f.Path)) + uint64(len(f.Data))
	}
	if size > MaxBundle {
		return nil, fmt.Errorf("the files of this job take %d bytes, %d fit", size, uint64(MaxBundle))
	}
	b := make([]byte, 0, size)
	b = append(b, bundleMagic...)
	b = binary.LittleEndian.AppendUint32(b, bundleVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(sorted)))
	for _, f := range sorted {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Path)))
		b = binary.LittleEndian.AppendUint64(b, uint64(len(f.Data)))
		b = append(b, f.Path...)
		b = append(b, f.Data...)
	}
	return b, nil
}

// Unpack reads a bundle; the files' data are views into b, not copies. It
// accepts exactly what Pack writes: Pack(Unpack(b)) is b.
func Unpack(b []byte) (Bundle, error) {
	if uint64(len(b)) > MaxBundle {
		return nil, fmt.Errorf("%w: %d bytes, %d fit", ErrBundle, len(b), uint64(MaxBundle))
	}
	if len(b) < bundleHead || string(b[:4]) != bundleMagic {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrBundle, bundleMagic)
	}
	if v := binary.LittleEndian.Uint32(b[4:]); v != bundleVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrBundle, v, bundleVersion)
	}
	count := binary.LittleEndian.Uint32(b[8:])
	rest := b[bundleHead:]
	if count > MaxFiles || uint64(count)*entryHead > uint64(len(rest)) {
		return nil, fmt.Errorf("%w: it claims %d files in %d bytes", ErrBundle, count, len(b))
	}
	files := make(Bundle, 0, count)
	for i := range count {
		f, tail, err := cutFile(rest)
		if err != nil {
			return nil, fmt.Errorf("%w: file %d: %w", ErrBundle, i, err)
		}
		if i > 0 && files[i-1].Path >= f.Path {
			return nil, fmt.Errorf("%w: %q does not sort after %q", ErrBundle, f.Path, files[i-1].Path)
		}
		files, rest = append(files, f), tail
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: %d bytes after its end", ErrBundle, len(rest))
	}
	return files, nil
}

// cutFile reads one entry and returns the bytes after it.
func cutFile(b []byte) (File, []byte, error) {
	if len(b) < entryHead {
		return File{}, nil, errors.New("truncated header")
	}
	np, nd := uint64(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint64(b[4:])
	b = b[entryHead:]
	if np > uint64(len(b)) || nd > uint64(len(b))-np {
		return File{}, nil, fmt.Errorf("claims %d + %d bytes, %d are left", np, nd, len(b))
	}
	f := File{Path: string(b[:min(np, MaxPath+1)]), Data: b[np : np+nd : np+nd]}
	if err := CheckPath(f.Path); err != nil {
		return File{}, nil, err
	}
	return f, b[np+nd:], nil
}

// File returns the data of the file at path.
func (b Bundle) File(path string) ([]byte, bool) {
	i, ok := slices.BinarySearchFunc(b, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return nil, false
	}
	return b[i].Data, true
}

// Settings reads and validates the bundle's job.json, and checks that the
// scene it names is there.
func (b Bundle) Settings() (Settings, error) {
	data, ok := b.File(SettingsFile)
	if !ok {
		return Settings{}, fmt.Errorf("the bundle has no %s", SettingsFile)
	}
	s, err := DecodeSettings(data)
	if err != nil {
		return Settings{}, err
	}
	if _, ok := b.File(s.Scene); !ok {
		return Settings{}, fmt.Errorf("the bundle has no file %q, which its settings name as the scene", s.Scene)
	}
	return s, nil
}
