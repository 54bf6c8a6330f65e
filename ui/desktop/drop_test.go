//go:build gui && linux

package desktop_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDrop drags a file out of a file manager and lets it go over the window.
func TestDrop(t *testing.T) {
	need(t, "Xvfb", "xdotool", "import", "openbox", "pcmanfm")
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	display := screen(ctx, t)
	start(t, quiet(ctx, t, display, "openbox"))
	said := window(ctx, t, display)
	titled(ctx, t, display, said)

	folder := filepath.Join(t.TempDir(), "scenes")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	scene := filepath.Join(folder, "harbour.glb")
	if err := os.WriteFile(scene, []byte("glTF"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := quiet(ctx, t, display, "pcmanfm", folder)
	start(t, files)
	place(ctx, t, display)
	retry(ctx, t, func() error {
		drag(ctx, t, display)
		shot(ctx, t, display)
		if line := "price for " + scene; !strings.Contains(said.String(), line) {
			return fmt.Errorf("after the drop the window said %q, want %q in it", said, line)
		}
		return nil
	})
}

// quiet is a program of the desktop with a home and a message bus of its own.
func quiet(ctx context.Context, t *testing.T, display, name string, args ...string) *exec.Cmd {
	t.Helper()
	home := t.TempDir()
	conf := filepath.Join(home, ".config", "pcmanfm", "default")
	if err := os.MkdirAll(conf, 0o700); err != nil {
		t.Fatal(err)
	}
	// Without the side pane, the only file of the folder is at the top left.
	ui := "[ui]\nside_pane_mode=hidden;places\nview_mode=icon\nshow_statusbar=0\nmax_tab_chars=32\n"
	if err := os.WriteFile(filepath.Join(conf, "pcmanfm.conf"), []byte(ui), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Env = []string{"DISPLAY=" + display, "HOME=" + home, "PATH=" + os.Getenv("PATH"), "NO_AT_BRIDGE=1", "XDG_RUNTIME_DIR=" + home}
	return c
}

// The file manager's place on the screen, and how far into it the icon is:
// below the title, menu, tool bar and tab.
const (
	left, top     = 940, 380
	width, height = 380, 300
	iconX, iconY  = 60, 130
	dropX, dropY  = 500, 300
)

// place puts the file manager over a corner of our window.
func place(ctx context.Context, t *testing.T, display string) {
	t.Helper()
	retry(ctx, t, func() error {
		out, err := client(ctx, display, "xdotool", "search", "--onlyvisible", "--class", "pcmanfm").Output()
		ids := strings.Fields(string(out))
		if err != nil || len(ids) == 0 {
			return fmt.Errorf("no window of the file manager: %w", err)
		}
		id := ids[len(ids)-1]
		return client(ctx, display, "xdotool", "windowsize", "--sync", id, strconv.Itoa(width), strconv.Itoa(height),
			"windowmove", id, strconv.Itoa(left), strconv.Itoa(top), "windowactivate", id).Run()
	})
}

// drag moves as a hand does: slowly off the icon, then over the window in steps.
func drag(ctx context.Context, t *testing.T, display string) {
	t.Helper()
	var words []string
	to := func(x, y int) {
		words = append(words, "mousemove", strconv.Itoa(x), strconv.Itoa(y), "sleep", "0.03")
	}
	x, y := left+iconX, top+iconY
	to(x, y)
	words = append(words, "sleep", "0.3", "mousedown", "1", "sleep", "0.3")
	for i := range 5 {
		to(x-3*i, y-2*i)
	}
	const steps = 20
	for i := range steps + 1 {
		to(x+(dropX-x)*i/steps, y+(dropY-y)*i/steps)
	}
	words = append(words, "sleep", "0.5", "mousemove", strconv.Itoa(dropX+2), strconv.Itoa(dropY), "sleep", "0.3", "mouseup", "1", "sleep", "1")
	if out, err := client(ctx, display, "xdotool", words...).CombinedOutput(); err != nil {
		t.Logf("drag: %v, %s", err, out)
	}
}
