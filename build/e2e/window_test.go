package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildWindow makes sonm-gui beside sonm, once.
var buildWindow = sync.OnceValues(func() ([]byte, error) {
	return exec.Command("go", "build", "-tags", "gui,migrated_fynedo", "-o", filepath.Join(bin, "sonm-gui"), "../..").CombinedOutput()
})

// display starts a screen in memory.
func display(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed (make test installs it): no window is opened", tool)
		}
	}
	if out, err := buildWindow(); err != nil {
		t.Fatalf("sonm-gui: %v\n%s", err, out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.CommandContext(t.Context(), "Xvfb", "-displayfd", "3", "-screen", "0", "1366x768x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{w}
	x.Cancel = func() error { return x.Process.Signal(syscall.SIGTERM) } // killed outright it would leave its lock file
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Wait() }) // it was told to end: its exit status says nothing
	w.Close()
	name := make([]byte, 16)
	n, err := r.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	display := ":" + strings.TrimSpace(string(name[:n]))
	wait(t, "the screen lets clients in", func() bool { return onScreen(t, display, "getdisplaygeometry") })
	return display
}

// onScreen asks xdotool and reports whether it could do it.
func onScreen(t *testing.T, display string, args ...string) bool {
	t.Helper()
	c := exec.CommandContext(t.Context(), "xdotool", args...)
	c.Env = append(os.Environ(), "DISPLAY="+display)
	return c.Run() == nil
}

// window opens a window and returns when it is on screen.
func window(t *testing.T, display, home, url string) *exec.Cmd {
	t.Helper()
	w := exec.CommandContext(t.Context(), filepath.Join(bin, "sonm-gui"), "--home", home, "--network", url)
	w.Env = append(os.Environ(), "DISPLAY="+display, "LIBGL_ALWAYS_SOFTWARE=1", "WAYLAND_DISPLAY=")
	w.Stderr = os.Stderr
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(w) })
	wait(t, "the window is on screen", func() bool { return onScreen(t, display, "search", "--onlyvisible", "--name", "^SONM$") })
	return w
}

func kill(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

// wait looks until it is so; what is waited for comes within seconds, and the
// minutes are for machines that are busy.
func wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	end := time.Now().Add(4 * time.Minute)
	for !so() {
		if time.Now().After(end) {
			t.Fatalf("not within four minutes: %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// status is what `sonm status --json` says.
type status struct {
	Running bool
	Jobs    int
	Selling *struct{ Slots int }
}

func statusOf(t *testing.T, home string) (s status) {
	t.Helper()
	out, _, err := sonm(t, "status", "--json", "--home", home)
	if err == nil {
		_ = json.Unmarshal([]byte(out), &s) // s says so
	}
	return s
}

// One home, several windows and terminals: all speak to one engine, and a job
// goes on whichever of them is killed.
func TestWindowsAndTerminalsShareOneEngine(t *testing.T) {
	t.Parallel()
	screen := display(t)
	network(t, func(url string) {
		all := sellers(t, url)
		want := &life{t: t, url: url, home: t.TempDir()}
		want.run(0)
		home, out := t.TempDir(), filepath.Join(t.TempDir(), "x.exr")
		engine := window(t, screen, home, url)
		wait(t, "the window's engine answers", func() bool { return statusOf(t, home).Running })

		sell := start(t, "sell", "--tied", "--json", "--home", home, "--network", url, "--slots", "1", "--price", "9")
		if !sell.until(fact("AskPublished")) {
			t.Fatal("nothing is sold beside a window")
		}
		sell.drain()
		if s := statusOf(t, home); !s.Running || s.Selling == nil || s.Selling.Slots != 1 {
			t.Errorf("status while a terminal sells beside a window: %+v", s)
		}
		if err := sell.end(); err != nil {
			t.Errorf("sell beside a window: %v", err)
		}
		wait(t, "the end of that selling", func() bool { s := statusOf(t, home); return s.Running && s.Selling == nil })

		second := window(t, screen, home, url)
		render := slices.Concat([]string{"render", "--tied", "--json", "--facts", "--home", home, "--network", url, "-o", out}, killJob, []string{"--max-price", "5"})
		p := start(t, render...)
		done, ended, s := 0, 0, summary{}
		p.until(func(line string) bool {
			switch {
			case strings.Contains(line, "has ended"):
				ended++
			case fact("TaskDone")(line):
				if done++; done == 8 {
					if got := statusOf(t, home); got.Jobs != 1 {
						t.Errorf("status while a terminal renders beside a window: %+v", got)
					}
					kill(second)
				}
				if done == 20 {
					if ended > 0 {
						t.Error("the job was disturbed by the end of a window that was not the engine")
					}
					kill(engine)
				}
			}
			return !strings.Contains(line, `"kind"`) && json.Unmarshal([]byte(line), &s) == nil && s.Film != ""
		})
		if err := p.end(); err != nil || s.Film != want.sum.Film {
			t.Errorf("film %s, want %s: %v", s.Film, want.sum.Film, err)
		}
		if ended != 1 {
			t.Errorf("the engine ended %d times, want once", ended)
		}
		checkMoney(t, &life{t: t, url: url, home: home, sum: s}, (&life{t: t, home: home}).journal(), "window killed")

		abandoned(t, screen, url, want)
		endAll(t, all)
	})
}

// abandoned kills everybody who knows of a job; a window that is opened later
// goes on with it and saves the picture where the command had said.
func abandoned(t *testing.T, screen, url string, want *life) {
	t.Helper()
	home, out := t.TempDir(), filepath.Join(t.TempDir(), "y.exr")
	engine := window(t, screen, home, url)
	p := start(t, slices.Concat([]string{"render", "--tied", "--json", "--facts", "--home", home, "--network", url, "-o", out}, killJob)...)
	done := 0
	p.until(func(line string) bool {
		if fact("TaskDone")(line) {
			done++
		}
		return done == 12
	})
	p.kill()
	kill(engine)
	if _, err := os.Stat(out); err == nil {
		t.Fatal("the picture is there before the job is done")
	}
	window(t, screen, home, url)
	wait(t, "the picture of the interrupted job", func() bool { _, err := os.Stat(out); return err == nil })
	wait(t, "the end of the job", func() bool { s := statusOf(t, home); return s.Running && s.Jobs == 0 })
	a, b := readEXR(t, out), readEXR(t, filepath.Join(want.home, "x.exr"))
	if !slices.Equal(a.Pix, b.Pix) {
		t.Error("the picture is another one")
	}
}

// A person who has nothing but the window opens it: it starts the practice
// network by itself, that network is no window, and a picture can be bought there.
func TestAWindowAloneStartsItsNetwork(t *testing.T) {
	t.Parallel()
	screen := display(t)
	alone, user, home := t.TempDir(), t.TempDir(), t.TempDir()
	program := filepath.Join(alone, "sonm-gui")
	for _, name := range []string{"sonm-gui", "sonm-sandbox", "sonm-sandbox-wasmtime", "libwasmer.so"} {
		data, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(alone, name), data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	env := append(os.Environ(), "HOME="+user, "XDG_CONFIG_HOME="+filepath.Join(user, "config"))
	w := exec.CommandContext(t.Context(), program, "--home", home)
	w.Env = append(slices.Clone(env), "DISPLAY="+screen, "LIBGL_ALWAYS_SOFTWARE=1", "WAYLAND_DISPLAY=")
	w.Stderr = os.Stderr
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(w); endProgram(t, program) })
	ask := func() status {
		c := exec.CommandContext(t.Context(), program, "status", "--json", "--home", home)
		c.Env = env
		out, err := c.Output()
		var s status
		if err == nil {
			_ = json.Unmarshal(out, &s) // s says so
		}
		return s
	}
	wait(t, "the window's engine answers", func() bool { return ask().Running })
	c := exec.CommandContext(t.Context(), "xdotool", "search", "--onlyvisible", "--name", "^SONM$")
	c.Env = append(os.Environ(), "DISPLAY="+screen)
	out, err := c.Output()
	if n := len(strings.Fields(string(out))); err != nil || n != 1 {
		t.Errorf("%d windows, want 1 (%v)", n, err)
	}
	picture := filepath.Join(user, "alone.png")
	r := exec.CommandContext(t.Context(), program, "render", filepath.Join(testdata, "cornell_diffuse.glb"), "--home", home, "-o", picture, "--width", "32", "--height", "32", "--samples", "4")
	r.Env = env
	if out, err := r.CombinedOutput(); err != nil {
		t.Fatalf("nobody sells to a person alone: %v\n%s", err, out)
	}
	if _, err := os.Stat(picture); err != nil {
		t.Error(err)
	}
}

// endProgram ends what runs of a program: a network outlives who started it.
func endProgram(t *testing.T, program string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Error(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != program {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGTERM)
		}
		if err != nil {
			t.Errorf("end %s: %v", link, err)
		}
	}
}
