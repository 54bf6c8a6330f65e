package wasi_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sonm/engine/sandbox/wasi"
)

// guest calls functions as a guest does that keeps its strings at 1024 and
// 2048, its buffers at 4096 and its results at 0.
type guest struct {
	t    *testing.T
	w    *wasi.World
	mem  []byte
	call map[string]wasi.Func
}

func newGuest(t *testing.T, c wasi.Config) *guest {
	t.Helper()
	g := &guest{t: t, w: &wasi.World{}, mem: make([]byte, 1<<20), call: map[string]wasi.Func{}}
	if err := g.w.Setup(c); err != nil {
		t.Fatal(err)
	}
	for _, f := range g.w.Functions() {
		g.call[f.Name] = f
	}
	return g
}

func (g *guest) do(name string, args ...uint64) wasi.Errno {
	g.t.Helper()
	e, err := g.call[name].Call(g.mem, args)
	if err != nil {
		g.t.Fatalf("%s%d = %v", name, args, err)
	}
	return e
}

func (g *guest) want(e wasi.Errno, name string, args ...uint64) {
	g.t.Helper()
	if got := g.do(name, args...); got != e {
		g.t.Errorf("%s%d = %d, want %d", name, args, got, e)
	}
}

// str is pointer and length of a string put into memory.
func (g *guest) str(at uint64, s string) (ptr, n uint64) {
	copy(g.mem[at:], s)
	return at, uint64(len(s))
}

// on does what takes a path in the first directory.
func (g *guest) on(name, path string) wasi.Errno {
	g.t.Helper()
	ptr, n := g.str(1024, path)
	return g.do(name, 3, ptr, n)
}

func (g *guest) open(path string, flags uint64) (uint64, wasi.Errno) {
	g.t.Helper()
	const file = 1<<1 | 1<<2 | 1<<5 | 1<<6 | 1<<8 | 1<<21 | 1<<22
	base := uint64(file)
	if flags&2 != 0 {
		base = 1<<14 | 1<<13 | 1<<10
	}
	ptr, n := g.str(1024, path)
	e := g.do("path_open", 3, 0, ptr, n, flags, base, file, 0, 0)
	return uint64(binary.LittleEndian.Uint32(g.mem)), e
}

// vector is an iovec at 64 for a buffer of n bytes at 4096.
func (g *guest) vector(n int) (ptr, count uint64) {
	binary.LittleEndian.PutUint32(g.mem[64:], 4096)
	binary.LittleEndian.PutUint32(g.mem[68:], uint32(n))
	return 64, 1
}

func (g *guest) symlink(target string, dir uint64, path string) wasi.Errno {
	g.t.Helper()
	to, n := g.str(2048, target)
	at, m := g.str(1024, path)
	return g.do("path_symlink", to, n, dir, at, m)
}

func (g *guest) rename(from, to string) wasi.Errno {
	g.t.Helper()
	a, n := g.str(1024, from)
	b, m := g.str(2048, to)
	return g.do("path_rename", 3, a, n, 3, b, m)
}

func (g *guest) list(fd, cookie, size uint64) (names []string, next uint64) {
	g.t.Helper()
	g.want(wasi.Success, "fd_readdir", fd, 4096, size, cookie, 0)
	b := g.mem[4096:][:binary.LittleEndian.Uint32(g.mem)]
	for len(b) >= 24 {
		n := 24 + int(binary.LittleEndian.Uint32(b[16:]))
		if n > len(b) {
			break
		}
		names, next = append(names, string(b[24:n])), binary.LittleEndian.Uint64(b)
		b = b[n:]
	}
	return names, next
}

func file(path, data string) wasi.File {
	return wasi.File{Path: path, Kind: wasi.Regular, Data: []byte(data)}
}

func link(path, to string) wasi.File {
	return wasi.File{Path: path, Kind: wasi.Symlink, Data: []byte(to)}
}

func TestZeroWorldHasNothing(t *testing.T) {
	var w wasi.World
	mem := make([]byte, 128)
	mem[0] = 64 // an iovec
	mem[4] = 8
	for range 2 {
		if e := call(t, &w, mem, "fd_prestat_get", 3, 64); e != wasi.Badf {
			t.Errorf("fd_prestat_get(3) = %d, want EBADF", e)
		}
		for _, name := range []string{"args_sizes_get", "environ_sizes_get"} {
			if e := call(t, &w, mem, name, 32, 36); e != wasi.Success || binary.LittleEndian.Uint64(mem[32:]) != 0 {
				t.Errorf("%s = %d, %x, want nothing", name, e, mem[32:40])
			}
		}
		mem[40] = 1
		if e := call(t, &w, mem, "fd_read", 0, 0, 1, 40); e != wasi.Success || mem[40] != 0 {
			t.Errorf("fd_read(0) = %d with %d bytes, want the end", e, mem[40])
		}
		// What a task does to its descriptors does not outlive it.
		if e := call(t, &w, mem, "fd_close", 0); e != wasi.Success {
			t.Errorf("fd_close(0) = %d", e)
		}
		w.Reset([32]byte{})
	}
}

// TestPathsStayInside: no way of writing a path leads above the directory of
// its descriptor.
func TestPathsStayInside(t *testing.T) {
	g := newGuest(t, wasi.Config{Dirs: []wasi.Dir{{Name: "/", Files: []wasi.File{
		file("secret", "x"), file("d/in", "y"), file("d/e/deep", "z"),
		link("d/up", "../secret"), link("d/upup", "e/../../secret"), link("d/e/over", "../in"),
		link("d/self", "self"), link("d/hop", "e/over"), link("d/far", "e/../e/../up"),
	}}}})
	ptr, n := g.str(1024, "d")
	g.want(wasi.Success, "path_open", 3, 0, ptr, n, 2, 1<<13|1<<18|1<<24|1<<16|1<<17, 1<<1, 0, 0)
	d := uint64(binary.LittleEndian.Uint32(g.mem))
	for _, c := range []struct {
		path string
		want wasi.Errno
	}{
		{"in", wasi.Success},
		{"e/../in", wasi.Success},
		{"hop", wasi.Success},
		{"e/over", wasi.Success},
		{"../secret", wasi.Notcapable},
		{"..", wasi.Notcapable},
		{"e/../..", wasi.Notcapable},
		{"e/../../d/in", wasi.Notcapable},
		{"up", wasi.Notcapable},
		{"upup", wasi.Notcapable},
		{"far", wasi.Notcapable},
		{"/secret", wasi.Notcapable},
		{"//in", wasi.Notcapable},
		{"self", wasi.Loop},
		{"self/x", wasi.Loop},
		{"in/..", wasi.Notdir},
		{"in/", wasi.Notdir},
		{"none/../in", wasi.Noent},
		{"", wasi.Noent},
		{"in\x00", wasi.Inval},
		{"\xff", wasi.Ilseq},
		{strings.Repeat("n", 256), wasi.Nametoolong},
		{strings.Repeat("e/../", 1000), wasi.Nametoolong},
	} {
		ptr, n := g.str(1024, c.path)
		if e := g.do("path_open", d, 1, ptr, n, 0, 0, 0, 0, 0); e != c.want {
			t.Errorf("path_open(%.20q) = %d, want %d", c.path, e, c.want)
		}
	}
	if e := g.symlink("/etc", d, "abs"); e != wasi.Notcapable {
		t.Errorf("symlink to an absolute path = %d, want ENOTCAPABLE", e)
	}
}

func TestBounds(t *testing.T) {
	g := newGuest(t, wasi.Config{
		Dirs:   []wasi.Dir{{Name: "/", Files: []wasi.File{file("f", "0123456789")}}},
		Limits: wasi.Limits{Stdout: 100, Bytes: 4096, Nodes: 30, Files: 8},
	})
	fd, e := g.open("f", 0)
	if e != wasi.Success {
		t.Fatal(e)
	}
	iov, count := g.vector(8192)
	g.want(wasi.Success, "fd_write", fd, iov, count, 0)
	if n := binary.LittleEndian.Uint32(g.mem); n != 4096 {
		t.Errorf("fd_write wrote %d bytes, want the 4096 there is room for", n)
	}
	g.want(wasi.Nospc, "fd_write", fd, iov, count, 0)
	g.want(wasi.Nospc, "fd_pwrite", fd, iov, count, 1<<30, 0)
	g.want(wasi.Fbig, "fd_pwrite", fd, iov, count, 1<<40, 0)
	g.want(wasi.Nospc, "fd_filestat_set_size", fd, 4097)
	g.want(wasi.Fbig, "fd_filestat_set_size", fd, 1<<63)
	g.want(wasi.Fbig, "fd_allocate", fd, 1<<63, 1<<63)
	g.want(wasi.Success, "fd_filestat_set_size", fd, 0)
	g.want(wasi.Inval, "fd_write", fd, iov, 1025, 0)
	g.want(wasi.Success, "fd_write", 1, iov, count, 0)
	if n := binary.LittleEndian.Uint32(g.mem); n != 100 || len(g.w.Stdout()) != 100 {
		t.Errorf("fd_write(1) wrote %d bytes, kept %d, want 100", n, len(g.w.Stdout()))
	}
	g.want(wasi.Nospc, "fd_write", 1, iov, count, 0)
	for range 3 {
		if _, e := g.open("f", 0); e != wasi.Success {
			t.Fatal(e)
		}
	}
	if _, e := g.open("f", 0); e != wasi.Mfile {
		t.Errorf("open of a ninth descriptor = %d, want EMFILE", e)
	}
	made := 0
	for g.on("path_create_directory", fmt.Sprint("d", made)) == wasi.Success {
		made++
	}
	if e := g.on("path_create_directory", "more"); e != wasi.Nospc || made != 13 { // 30 nodes and names without the root, f and its name, in pairs
		t.Errorf("directory %d = %d, want the 14th to answer ENOSPC", made, e)
	}
	if err := g.w.Audit(); err != nil {
		t.Error(err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	g := newGuest(t, wasi.Config{Dirs: []wasi.Dir{{Name: "/"}}})
	path, deep := "d", 0
	for g.on("path_create_directory", path) == wasi.Success {
		path, deep = path+"/d", deep+1
	}
	if deep != 128 {
		t.Errorf("%d directories one below the other, want 128", deep)
	}
	if e := g.rename("d", "d/d/d"); e != wasi.Inval {
		t.Errorf("rename into itself = %d, want EINVAL", e)
	}
	g.on("path_create_directory", "top")
	if e := g.rename("d", "top/d"); e != wasi.Nametoolong {
		t.Errorf("rename that makes too deep = %d, want ENAMETOOLONG", e)
	}
	if err := g.w.Audit(); err != nil {
		t.Error(err)
	}
}

// TestHostileLoops: 10,000 rounds of what costs most take no more memory than
// the limits say.
func TestHostileLoops(t *testing.T) {
	limits := wasi.Limits{Bytes: 256 << 10, Nodes: 1000, Files: 64}
	g := newGuest(t, wasi.Config{Dirs: []wasi.Dir{{Name: "/"}}, Limits: limits})
	iov, count := g.vector(8 << 10)
	for n := range 10_000 {
		name := fmt.Sprint("f", n%700)
		fd, e := g.open(name, 1)
		if e == wasi.Success {
			g.do("fd_pwrite", fd, iov, count, uint64(n%16)<<13, 0)
			g.do("fd_filestat_set_size", fd, uint64(n%3))
		}
		if n%5 != 0 {
			g.do("fd_close", fd)
		}
		g.symlink(strings.Repeat("x", 4000), 3, fmt.Sprint("l", n))
		g.on("path_create_directory", fmt.Sprint("d", n))
		g.rename(name, fmt.Sprint("r", n%600))
		g.do("fd_readdir", 3, 4096, 4096, 0, 0)
		g.do("poll_oneoff", 4096, 1<<19, 100, 0)
		g.do("fd_write", uint64(1+n%2), iov, count, 0)
		if n%7 == 0 {
			g.on("path_unlink_file", fmt.Sprint("l", n/2))
			g.on("path_remove_directory", fmt.Sprint("d", n/3))
		}
	}
	if err := g.w.Audit(); err != nil {
		t.Error(err)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 32<<20 {
		t.Errorf("%d MiB of heap after 10,000 rounds", m.HeapAlloc>>20)
	}
}

func TestResetBringsBackTheConfig(t *testing.T) {
	content := []byte("0123456789")
	g := newGuest(t, wasi.Config{Dirs: []wasi.Dir{{Name: "/", Files: []wasi.File{{Path: "d/f", Kind: wasi.Regular, Data: content}}}}})
	play := func() []string {
		fd, e := g.open("d/f", 0)
		if e != wasi.Success {
			t.Fatal(e)
		}
		iov, count := g.vector(4)
		g.want(wasi.Success, "fd_pwrite", fd, iov, count, 2, 0)
		g.on("path_create_directory", "new")
		var all []string
		for f := range g.w.Files(0) {
			all = append(all, fmt.Sprintf("%s %d %q", f.Path, f.Kind, f.Data))
		}
		return all
	}
	want := []string{`d 3 ""`, `d/f 4 "01\x00\x00\x00\x006789"`, `new 3 ""`}
	for range 3 {
		if got := play(); !slices.Equal(got, want) {
			t.Errorf("Files = %q, want %q", got, want)
		}
		g.w.Reset([32]byte{})
	}
	if string(content) != "0123456789" {
		t.Errorf("the caller's content became %q", content)
	}
}

func TestReadOnly(t *testing.T) {
	g := newGuest(t, wasi.Config{Dirs: []wasi.Dir{{Name: "/in", ReadOnly: true, Files: []wasi.File{file("f", "x"), file("d/f", "y")}}}})
	if _, e := g.open("f", 0); e != wasi.Notcapable {
		t.Errorf("open to write = %d, want ENOTCAPABLE", e)
	}
	ptr, n := g.str(1024, "f")
	g.want(wasi.Notcapable, "path_open", 3, 0, ptr, n, 8, 1<<1, 0, 0, 0) // truncate
	g.want(wasi.Success, "path_open", 3, 0, ptr, n, 0, 1<<1, 0, 0, 0)
	for _, name := range []string{"path_create_directory", "path_unlink_file", "path_remove_directory"} {
		if e := g.on(name, "d"); e != wasi.Notcapable {
			t.Errorf("%s = %d, want ENOTCAPABLE", name, e)
		}
	}
	if e := g.rename("f", "g"); e != wasi.Notcapable {
		t.Errorf("rename = %d, want ENOTCAPABLE", e)
	}
}

// TestReaddir: by name, and right while what is listed goes away.
func TestReaddir(t *testing.T) {
	var files []wasi.File
	for _, n := range []int{7, 3, 9, 1, 5, 8, 2, 6, 4, 0} {
		files = append(files, file(fmt.Sprint("f", n), ""))
	}
	g := newGuest(t, wasi.Config{Dirs: []wasi.Dir{{Name: "/", Files: files}}})
	all, _ := g.list(3, 0, 4096)
	if want := []string{".", "..", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9"}; !slices.Equal(all, want) {
		t.Errorf("list = %q, want %q", all, want)
	}
	var seen []string
	for cookie := uint64(0); ; {
		names, next := g.list(3, cookie, 80)
		if len(names) == 0 {
			break
		}
		for _, name := range names {
			if name[0] == 'f' {
				g.on("path_unlink_file", name)
			}
		}
		seen, cookie = append(seen, names...), next
	}
	if !slices.Equal(seen, all) {
		t.Errorf("list while removing = %q, want %q", seen, all)
	}
	if names, _ := g.list(3, 1<<63, 4096); len(names) != 0 {
		t.Errorf("list from a cookie beyond the end = %q", names)
	}
}

// TestPollMovesTheClock: an hour passes at once.
func TestPollMovesTheClock(t *testing.T) {
	g := newGuest(t, wasi.Config{Stdin: []byte("abc")})
	now := func() uint64 {
		g.want(wasi.Success, "clock_time_get", 1, 0, 8)
		return binary.LittleEndian.Uint64(g.mem[8:])
	}
	const hour = 3600e9
	sub := g.mem[4096:]
	sub[0] = 42
	binary.LittleEndian.PutUint64(sub[24:], hour)
	before := now()
	g.want(wasi.Success, "poll_oneoff", 4096, 8192, 1, 0)
	if d := now() - before; d < hour || d > hour+2e6 {
		t.Errorf("%d ns passed, want an hour", d)
	}
	if g.mem[0] != 1 || g.mem[8192] != 42 || g.mem[8200] != 0 {
		t.Errorf("events = %d, %x", g.mem[0], g.mem[8192:8224])
	}
	// With something to read, no time passes.
	sub[48+8] = 1
	before = now()
	g.want(wasi.Success, "poll_oneoff", 4096, 8192, 2, 0)
	if d := now() - before; d > 2e6 || g.mem[0] != 1 || g.mem[8192+10] != 1 || g.mem[8192+16] != 3 {
		t.Errorf("%d ns passed, events = %d, %x, want 3 bytes to read", d, g.mem[0], g.mem[8192:8224])
	}
	// The end of time is not passed.
	binary.LittleEndian.PutUint64(sub[24:], 1<<64-1)
	for range 3 {
		g.want(wasi.Success, "poll_oneoff", 4096, 8192, 1, 0)
	}
	if now() != 1<<64-1 {
		t.Errorf("clock = %d, want the end of time", now())
	}
}

func TestStreamsAndArguments(t *testing.T) {
	g := newGuest(t, wasi.Config{Args: []string{"prog", "ä"}, Env: []string{"A=b"}, Stdin: []byte("hello")})
	g.want(wasi.Success, "args_sizes_get", 0, 4)
	if n, size := g.mem[0], g.mem[4]; n != 2 || size != 8 {
		t.Errorf("args_sizes_get = %d, %d, want 2, 8", n, size)
	}
	g.want(wasi.Success, "args_get", 0, 100)
	if !bytes.Equal(g.mem[100:108], []byte("prog\x00ä\x00")) || g.mem[4] != 105 {
		t.Errorf("args_get = %q, %x", g.mem[100:108], g.mem[:8])
	}
	g.want(wasi.Fault, "environ_get", 1<<20-3, 100)
	iov, count := g.vector(3)
	for _, want := range []string{"hel", "lo", ""} {
		g.want(wasi.Success, "fd_read", 0, iov, count, 0)
		if got := string(g.mem[4096:][:g.mem[0]]); got != want {
			t.Errorf("fd_read = %q, want %q", got, want)
		}
	}
	g.want(wasi.Spipe, "fd_seek", 0, 0, 0, 0)
	g.want(wasi.Notsock, "sock_send", 1, iov, count, 0, 0)
	g.want(wasi.Badf, "sock_shutdown", 9, 0)
	if _, err := g.call["proc_exit"].Call(g.mem, []uint64{7}); err == nil {
		t.Error("proc_exit = nil, want Exit")
	}
	if code, ok := g.w.Exit(); code != 7 || !ok {
		t.Errorf("Exit = %d, %v, want 7", code, ok)
	}
}

func TestSetupRefuses(t *testing.T) {
	one := func(files ...wasi.File) wasi.Config { return wasi.Config{Dirs: []wasi.Dir{{Name: "/", Files: files}}} }
	small := one(file("f", "12345"))
	small.Limits.Bytes = 4
	for part, c := range map[string]wasi.Config{
		"not a path":   one(file("../f", "")),
		"twice":        one(file("f", ""), file("f", "")),
		"in its way":   one(file("f", ""), file("f/g", "")),
		"nowhere":      one(link("l", "/etc")),
		"bytes":        small,
		"more than 25": one(file(strings.Repeat("n", 256), "")),
		"kind 9":       one(wasi.File{Path: "f", Kind: 9}),
		"NUL":          {Args: []string{"a\x00"}},
		"called":       {Dirs: []wasi.Dir{{}}},
		"descriptors":  {Dirs: make([]wasi.Dir, 2), Limits: wasi.Limits{Files: 4}},
	} {
		if part == "descriptors" {
			c.Dirs[0].Name, c.Dirs[1].Name = "a", "b"
		}
		var w wasi.World
		if err := w.Setup(c); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("Setup = %v, want an error with %q", err, part)
		}
	}
}
