//go:build gui && linux

package desktop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	fynetheme "fyne.io/fyne/v2/theme"

	"sonm/app/event"
	"sonm/ui/desktop"
	"sonm/ui/theme"
	"sonm/ui/uitest"
)

// asWindow in the environment makes the test program the window itself, which
// must own the main goroutine of its process.
const asWindow = "SONM_TEST_WINDOW"

func TestMain(m *testing.M) {
	if os.Getenv(asWindow) == "" {
		m.Run() // its exit code is passed on when TestMain returns
		return
	}
	root := context.Background()
	if err := desktop.Run(root, loud{uitest.New(uitest.Connected())}, os.Args[1:]); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return
	}
	_, _ = os.Stdout.WriteString("closed\n")
}

// loud is a played engine that says which scene a price is asked for.
type loud struct{ *uitest.Core }

// Quote says the scene.
func (l loud) Quote(ctx context.Context, o event.Order) (event.Quote, error) {
	_, _ = os.Stdout.WriteString("price for " + o.Scene + "\n")
	return l.Core.Quote(ctx, o)
}

// need skips the test where a tool is missing.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed (make test installs it): no window is opened", tool)
		}
	}
}

// TestWindow opens the window on a screen in memory, with a file as its
// argument, and looks at what a person would see.
func TestWindow(t *testing.T) {
	need(t, "Xvfb", "xdotool", "import")
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	display := screen(ctx, t)
	w := window(ctx, t, display, "/home/ada/harbour.glb")

	if n := titled(ctx, t, display, w); n != 1 {
		t.Errorf("%d windows with the title SONM, want 1", n)
	}
	painted(ctx, t, display)
	says(ctx, t, w, "price for /home/ada/harbour.glb")
}

// TestClose closes the window as a person does: the program ends by itself.
func TestClose(t *testing.T) {
	need(t, "Xvfb", "xdotool", "openbox")
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	display := screen(ctx, t)
	start(t, quiet(ctx, t, display, "openbox"))
	said := window(ctx, t, display)
	retry(ctx, t, func() error {
		// The first key may come before the window has the focus.
		err := client(ctx, display, "xdotool", "search", "--onlyvisible", "--name", "^SONM$", "windowactivate", "--sync", "key", "alt+F4").Run()
		if !strings.Contains(said.String(), "closed") {
			return fmt.Errorf("the window does not close: %w; it said: %s", err, said)
		}
		return nil
	})
}

// says waits until the window has said line.
func says(ctx context.Context, t *testing.T, said fmt.Stringer, line string) {
	t.Helper()
	retry(ctx, t, func() error {
		if !strings.Contains(said.String(), line) {
			return fmt.Errorf("the window said %q, want %q in it", said, line)
		}
		return nil
	})
}

// titled waits for visible windows with our title and counts them.
func titled(ctx context.Context, t *testing.T, display string, said fmt.Stringer) int {
	t.Helper()
	n := 0
	retry(ctx, t, func() error {
		out, err := client(ctx, display, "xdotool", "search", "--onlyvisible", "--name", "^SONM$").Output()
		if err != nil {
			return fmt.Errorf("no window with the title SONM: %w; the window said: %s", err, said)
		}
		n = len(strings.Fields(string(out)))
		return nil
	})
	return n
}

// screen starts an X server on a free display and answers with its name.
func screen(ctx context.Context, t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.CommandContext(ctx, "Xvfb", "-displayfd", "3", "-screen", "0", "1366x768x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{w}
	start(t, x)
	w.Close()
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	name := make([]byte, 16)
	n, err := r.Read(name)
	if err != nil {
		t.Fatalf("Xvfb did not name its display: %v", err)
	}
	display := ":" + strings.TrimSpace(string(name[:n]))
	// The server names its display a moment before it lets clients in.
	retry(ctx, t, func() error {
		out, err := client(ctx, display, "xdotool", "getdisplaygeometry").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s does not answer: %w, %s", display, err, out)
		}
		return nil
	})
	return display
}

// client is a command that talks to the display.
func client(ctx context.Context, display, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "DISPLAY="+display)
	return c
}

// retry calls try until it succeeds or ctx is over.
func retry(ctx context.Context, t *testing.T, try func() error) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// window starts this test program as the window and answers with what it says.
func window(ctx context.Context, t *testing.T, display string, files ...string) fmt.Stringer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	w := exec.CommandContext(ctx, self, files...)
	w.Env = []string{
		"DISPLAY=" + display, asWindow + "=1", "HOME=" + t.TempDir(),
		"LIBGL_ALWAYS_SOFTWARE=1", "FYNE_THEME=dark", "PATH=" + os.Getenv("PATH"),
	}
	w.Stdout, w.Stderr = said, said
	start(t, w)
	return words(said.Name())
}

// words is what the file of that name holds by now.
type words string

func (w words) String() string {
	b, err := os.ReadFile(string(w))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// start runs c, which is asked to end when its context is over and waited for
// by the end of the test. Killed outright, an X server would leave its lock file.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() }) // it was told to end: its exit status says nothing
}

// painted waits until the screen shows the page: its ground, the sidebar, and
// the accent colour of the button, each on a good part of the screen.
func painted(ctx context.Context, t *testing.T, display string) {
	t.Helper()
	dark := theme.Fixed(fynetheme.VariantDark)
	want := map[string]struct {
		c     color.Color
		least int // pixels
	}{
		"ground":  {dark.Color(fynetheme.ColorNameBackground, 0), 100_000},
		"sidebar": {dark.Color(theme.Sidebar, 0), 50_000},
		"card":    {dark.Color(theme.Surface, 0), 50_000},
		"button":  {dark.Color(fynetheme.ColorNamePrimary, 0), 1_500},
	}
	retry(ctx, t, func() error {
		img := shot(ctx, t, display)
		var short []string
		for name, w := range want {
			if n := count(img, w.c); n < w.least {
				short = append(short, fmt.Sprintf("%d pixels of the %s, want %d", n, name, w.least))
			}
		}
		if short != nil {
			return fmt.Errorf("the window shows %s", strings.Join(short, "; "))
		}
		return nil
	})
}

func shot(ctx context.Context, t *testing.T, display string) image.Image {
	t.Helper()
	b, err := client(ctx, display, "import", "-window", "root", "png:-").Output()
	if err != nil {
		t.Fatalf("screenshot: %v", err)
	}
	if keep := os.Getenv("SONM_TEST_SHOT"); keep != "" {
		if err := os.WriteFile(keep, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("screenshot of %d bytes: %v", len(b), err)
	}
	return img
}

// count counts the pixels within 3 of 255 of c in each channel.
func count(img image.Image, c color.Color) int {
	want, _ := color.NRGBAModel.Convert(c).(color.NRGBA)
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= 3 }
	n := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			p, _ := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if near(p.R, want.R) && near(p.G, want.G) && near(p.B, want.B) {
				n++
			}
		}
	}
	return n
}

// TestNoDisplay is what a server says.
func TestNoDisplay(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if err := desktop.Run(t.Context(), loud{}, nil); !errors.Is(err, desktop.ErrNoDisplay) {
		t.Errorf("Run = %v, want %v", err, desktop.ErrNoDisplay)
	}
}
