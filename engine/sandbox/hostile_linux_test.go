package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/sandbox"
	"sonm/engine/sandbox/sandboxtest"
)

// TestHostileChild: a child that was taken over can neither confuse nor
// exhaust the broker. The children are scripts that answer what they like.
func TestHostileChild(t *testing.T) {
	// hello is eaten and answered first, 8 bytes of head and 56 of greeting, then
	// the module is eaten.
	const eat = `head -c 64 >/dev/null; printf '\020\000\000\000\030\000\000\000\003\000\000\000'; head -c 20 /dev/zero; head -c 12 >/dev/null; `
	for _, c := range []struct {
		name, script string
		kind         sandbox.Kind
	}{
		{"says nothing and ends", "exit 0", sandbox.Crashed},
		{"ends with an error", "echo out of luck >&2; exit 3", sandbox.Crashed},
		{"closes its output and stays", eat + "exec >&-; exec sleep 60", sandbox.Crashed},
		{"half a frame", eat + `printf '\020\000\000'`, sandbox.Crashed},
		{"half a payload", eat + `printf '\020\000\000\000\377\000\000\000abc'`, sandbox.Crashed},
		{"too long a reply", eat + `printf '\020\000\000\000\377\377\377\377'; exec sleep 60`, sandbox.Violation},
		{"too long a sentence", eat + `printf '\021\000\000\000\377\377\000\000'; exec sleep 60`, sandbox.Violation},
		{"unknown frame", eat + `printf '\077\000\000\000\000\000\000\000'; exec sleep 60`, sandbox.Violation},
		{"a request of its own", eat + `printf '\005\000\000\000\000\000\000\000'; exec sleep 60`, sandbox.Violation},
		{"unknown failure", eat + `printf '\021\000\000\000\003\000\000\000\143\000x'; exec sleep 60`, sandbox.Violation},
		{"empty failure", eat + `printf '\021\000\000\000\000\000\000\000'; exec sleep 60`, sandbox.Violation},
		{"short reply", eat + `printf '\020\000\000\000\001\000\000\000x'; exec sleep 60`, sandbox.Violation},
		{"logs without end", eat + `while :; do printf '\022\000\000\000\001\000\000\000x'; done`, sandbox.Violation},
		{"talks without end", eat + `while :; do echo y >&2; done`, sandbox.LimitWall},
		{"says nothing", eat + `exec sleep 60`, sandbox.LimitWall},
		{"never reads", `exec sleep 60`, sandbox.LimitWall},
		{"forbidden call", eat + `kill -SYS $$`, sandbox.Violation},
	} {
		path := filepath.Join(t.TempDir(), "child")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		s := sandboxtest.Suite{Child: path, Engine: sandbox.Wazero}
		began := time.Now()
		_, err := s.TryStart(t, []byte("moduleformat"[:4]+"\x01\x00\x00\x00"), sandbox.Limits{Wall: time.Second})
		if kind(err) != c.kind {
			t.Errorf("%s: %v after %v, want %v", c.name, err, time.Since(began), c.kind)
		}
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("%s: took %v", c.name, d)
		}
	}
}

// TestChildHasNothing looks at a child from outside: no environment, nothing
// open but three pipes and the guest's memory, filtered, last in the queue.
func TestChildHasNothing(t *testing.T) {
	for _, e := range here(t) {
		s := suite(e)
		se := s.Start(t, "all", sandbox.Limits{})
		if _, err := se.Open(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		pid := 0
		for _, p := range childrenOf(os.Getpid()) {
			if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p)); strings.HasPrefix(string(name), "sonm") {
				pid = p
			}
		}
		dir := fmt.Sprintf("/proc/%d/", pid)
		status, err := os.ReadFile(dir + "status")
		if err != nil {
			t.Fatal(err)
		}
		if se.Level() >= 2 && !strings.Contains(string(status), "Seccomp:\t2") {
			t.Errorf("%s: level %d but no filter", e, se.Level())
		}
		if se.Level() < 1 {
			t.Errorf("%s: level %d, want at least 1", e, se.Level())
		}
		if env, err := os.ReadFile(dir + "environ"); err == nil && len(env) > 0 {
			t.Errorf("%s: environment %q", e, env)
		}
		lookAtDescriptors(t, e, dir)
		se.Close()
	}
}

func lookAtDescriptors(t *testing.T, e sandbox.Engine, dir string) {
	t.Helper()
	fds, err := os.ReadDir(dir + "fd")
	if os.IsPermission(err) {
		return // a child that cannot be dumped is closed to all but root
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(dir + "fd/" + fd.Name())
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(to, "pipe:") && fd.Name() < "3":
		case strings.HasPrefix(to, "/memfd:guest"):
		default:
			t.Errorf("%s: descriptor %s is %s", e, fd.Name(), to)
		}
	}
}

// TestLevelIsAskedFor: a child that is locked down less than it has to be sees
// nothing of the module.
func TestLevelIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	seen := filepath.Join(dir, "seen")
	path := filepath.Join(dir, "child")
	script := "#!/bin/sh\nhead -c 64 >/dev/null; printf '\\020\\000\\000\\000\\030\\000\\000\\000\\001\\000\\000\\000'; head -c 20 /dev/zero; cat >" + seen + "\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	start := func(child string, least fog.Level) (fog.Level, error) {
		box, err := sandbox.New(sandbox.Config{Child: child, Level: least})
		if err != nil {
			t.Fatal(err)
		}
		got, err := box.Level(t.Context())
		if err != nil {
			if _, err := box.Start(t.Context(), suite("").Guest(t, "all")); !errors.Is(err, sandbox.ErrLevel) {
				t.Errorf("Start with level %s of %s = %v", got, least, err)
			}
		}
		return got, err
	}
	if got, err := start(path, fog.LevelFiltered); !errors.Is(err, sandbox.ErrLevel) || got != fog.LevelLimited {
		t.Errorf("Level = %s, %v, want limited and an error", got, err)
	}
	if b, err := os.ReadFile(seen); err != nil && !os.IsNotExist(err) || len(b) > 0 {
		t.Errorf("the child has seen %d bytes, %v", len(b), err)
	}
	got, err := start(child, fog.LevelLimited)
	if err != nil || got < fog.LevelLimited {
		t.Errorf("Level = %s, %v, want at least limited", got, err)
	}
	if _, err := start(child, got+1); !errors.Is(err, sandbox.ErrLevel) {
		t.Errorf("Level above %s = %v, want an error", got, err)
	}
}
