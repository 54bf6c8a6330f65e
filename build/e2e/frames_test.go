package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sameFrames compares the numbered pictures of two homes.
func sameFrames(t *testing.T, l, want *life, where string) {
	t.Helper()
	for _, path := range frames(t, want.home) {
		a, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(l.home, filepath.Base(path)))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %s is another picture: %v", where, filepath.Base(path), err)
		}
	}
}

func frames(t *testing.T, home string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(home, "shot_*.png"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A buyer that is killed in the middle of an animation goes on with it: the
// frames are the same files, and no task that was on disk is leased again.
func TestAKilledBuyerGoesOnWithAnAnimation(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	network(t, func(url string) {
		all := sellers(t, url)
		want := &life{t: t, url: url, home: t.TempDir(), out: "shot.png", job: []string{
			filepath.Join(testdata, "cornell_diffuse.glb"), "--width", "48", "--height", "32", "--samples", "16", "--tile", "16", "--block", "8",
			"--sellers", "2", "--frames", "2-6/2", "--fps", "12", "--denoise", "--view", "agx",
		}}
		want.run(0)
		var names []string
		for _, path := range frames(t, want.home) {
			names = append(names, filepath.Base(path))
		}
		if !slices.Equal(names, []string{"shot_0002.png", "shot_0004.png", "shot_0006.png"}) {
			t.Fatalf("frames are saved as %v", names)
		}
		n := points(t, 4)
		for i := range n {
			killedAt(t, url, 1+(i*want.events+rng.IntN(want.events))/n, want)
		}
		endAll(t, all)
	})
}

// A film is made of the frames, which stay, where there is an encoder.
func TestAFilmIsEncodedOfItsFrames(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed (make test installs it): no film is encoded")
	}
	dir := t.TempDir()
	for _, c := range []struct{ out, film, first string }{
		{"shot.mp4", "shot.mp4", "shot_0001.png"},
		{"my.##.webm", "my.webm", "my.01.png"},
		{"a#.mkv", "a.mkv", "a1.png"},
	} {
		demo(t, filepath.Join(testdata, "cornell_diffuse.glb"), "--sellers", "1", "--width", "33", "--height", "16", "--samples", "4", "--frames", "1-2", "-o", filepath.Join(dir, c.out))
		if _, err := os.Stat(filepath.Join(dir, c.first)); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(filepath.Join(dir, c.film)); err != nil || info.Size() < 100 {
			t.Errorf("%s: no film: %v", c.out, err)
		}
	}
}

func TestAnimationsThatCannotBeAreRefusedBeforeAnyPrice(t *testing.T) {
	t.Parallel()
	scene := filepath.Join(testdata, "cornell_diffuse.glb")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"backwards", []string{"--frames", "48-1"}},
		{"1000000000 frames are too many", []string{"--frames", "1-1000000000"}},
		{"0 frames a second", []string{"--frames", "1-48", "--fps", "0"}},
		{"name one of them", []string{"--frames", "1-48", "--frame", "3"}},
		{"not a range of frames", []string{"--frames", "all"}},
		{"One picture cannot be saved as the film", []string{"-o", "shot.mp4"}},
		{"must end in .png, .exr, .mp4", []string{"--frames", "1-2", "-o", "shot.gif"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			refused(t, c.want, append([]string{scene, "--sellers", "1"}, c.args...)...)
		})
	}
}

// A film that cannot be encoded here is refused before a price is asked.
func TestAFilmWithoutAnEncoderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "sonm"), "demo", filepath.Join(testdata, "cornell_diffuse.glb"),
		"--sellers", "1", "--frames", "1-2", "-o", filepath.Join(dir, "shot.mp4"))
	cmd.Env = append(os.Environ(), "PATH="+dir)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "ffmpeg, which encodes films, is not installed") || strings.Contains(string(out), "Price") {
		t.Errorf("%v: %s", err, out)
	}
}
