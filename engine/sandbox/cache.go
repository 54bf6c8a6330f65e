package sandbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/cpu"
)

// The versions of the engines' libraries, of which a compiled module can be
// read by no other. A test holds them against go.mod.
var engineVersions = map[Engine]string{Wasmer: "v1.0.4", Wasmtime: "v44.0.0", Wazero: "v1.12.0"}

// cacheSize is how many bytes of compiled modules are kept.
const cacheSize = 1 << 30

// cache keeps compiled modules in a folder of their own, one file for each
// module, engine and version, the ones used last longest. Any of its files may
// be lost or damaged at any time.
//
// # Why it cannot be poisoned by a guest
//
// What is kept for a module comes from the first answer of a child that had
// seen that module and nothing else, no input of any buyer, and is only ever
// given to children that are to run the same module and are locked down as
// strictly as one that compiles. A hostile module can thus spoil nothing but
// itself. The name is a hash that this side takes, and a checksum finds what
// has changed on the disk since. Whoever can write to the folder can write to
// the wallet beside it: the folder is the owner's alone.
type cache struct {
	dir  string // "" keeps nothing
	most int64  // bytes
	once sync.Once
	err  error // of making the folder

	mu       sync.Mutex
	programs map[string]string // guarded by mu; hashes of child programs, by path, size and time
}

// cacheKey names what engine makes of the module with this hash on this processor.
type cacheKey [sha256.Size]byte

func (c *cache) key(module [sha256.Size]byte, e Engine, program string) cacheKey {
	h := sha256.New()
	fmt.Fprintf(h, "sonm compiled module\x00%x\x00%s %s\x00%s\x00%s/%s\x00%+v %+v", module, e, engineVersions[e],
		c.identity(program), runtime.GOOS, runtime.GOARCH, cpu.X86, cpu.ARM64)
	return cacheKey(h.Sum(nil))
}

// identity is the hash of a child program, in which the gate, the adapters and
// their settings are: what one build compiled is nothing to another. A program
// that cannot be read has none, and will not start either.
func (c *cache) identity(program string) string {
	st, err := os.Stat(program)
	if err != nil {
		return ""
	}
	of := fmt.Sprintf("%s %d %d", program, st.Size(), st.ModTime().UnixNano())
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.programs[of]; ok {
		return known
	}
	b, err := os.ReadFile(program)
	if err != nil {
		return ""
	}
	if c.programs == nil {
		c.programs = map[string]string{}
	}
	sum := sha256.Sum256(b)
	c.programs[of] = string(sum[:])
	return c.programs[of]
}

func (k cacheKey) name() string { return hex.EncodeToString(k[:]) + ".bin" }

// cacheMagic starts a file; what follows is the key, the SHA-256 of the rest, the rest.
const cacheMagic = "sonm compiled 1\n"

const cacheHead = len(cacheMagic) + 2*sha256.Size

// load gives what was stored under k, or nil.
func (c *cache) load(k cacheKey) []byte {
	if c.dir == "" {
		return nil
	}
	path := filepath.Join(c.dir, k.name())
	st, err := os.Lstat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() > int64(MaxArtifact+cacheHead) {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(b[min(cacheHead, len(b)):])
	if want := slices.Concat([]byte(cacheMagic), k[:], sum[:]); len(b) <= cacheHead || !bytes.Equal(b[:cacheHead], want) {
		c.drop(k)
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // only the order of eviction suffers
	return b[cacheHead:]
}

// store keeps b under k and makes room for it.
func (c *cache) store(k cacheKey, b []byte) error {
	if c.dir == "" || len(b) == 0 || len(b) > MaxArtifact {
		return nil
	}
	if c.once.Do(func() { c.err = privateFolder(c.dir) }); c.err != nil {
		return c.err
	}
	if err := c.shrink(c.most - int64(len(b))); err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	return replaceFile(filepath.Join(c.dir, k.name()), []byte(cacheMagic), k[:], sum[:], b)
}

func (c *cache) drop(k cacheKey) {
	_ = os.Remove(filepath.Join(c.dir, k.name())) // it is replaced otherwise
}

// shrink removes files, the longest unused first, until at most most bytes
// are left, and what a killed process left half written an hour ago.
func (c *cache) shrink(most int64) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var all []fs.FileInfo
	var sum int64
	for _, e := range entries {
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process was faster
		}
		if err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(e.Name(), ".bin"):
			all = append(all, st)
			sum += st.Size()
		case strings.HasSuffix(e.Name(), ".new") && time.Since(st.ModTime()) > time.Hour:
			_ = os.Remove(filepath.Join(c.dir, e.Name())) // tried again next time
		}
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, st := range all {
		if sum <= most {
			break
		}
		if err := os.Remove(filepath.Join(c.dir, st.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		sum -= st.Size()
	}
	return nil
}

// privateFolder makes dir for the owner alone.
func privateFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700) //nolint:gosec // a folder needs the x
}

// replaceFile writes parts so that a reader sees the old file or the new one.
func replaceFile(path string, parts ...[]byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "*.new")
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err == nil {
			_, err = f.Write(p)
		}
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
