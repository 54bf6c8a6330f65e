package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"sonm/engine/job/picture"
)

// reportPath is the page that `make bench AREA=render` writes.
const reportPath = "build/bench/RENDER.md"

// pair2 is ours and theirs.
type pair2 [2]picture.Image

// report gathers what RENDER.md says.
type report struct {
	room pair2 // the plain diffuse room: ours, and the reference
	own  []exhibit
}

// goals are what the figures are held against; the others are for watching.
var goals = []struct {
	name  string
	value float64
	what  string
}{
	{"psnr_cornell_diffuse", 40, "likeness to a converged Cycles picture of a plain diffuse room"},
	{"mean_error_cornell_diffuse", 0.01, "difference of the means, worst channel, same room"},
	{"vs_cycles_cornell", 1, "equal quality per processor second, in the sandbox, over Cycles run natively"},
	{"vs_cycles_tex", 1, "the same"},
	{"vs_cycles_inst", 1, "the same"},
	{"sandbox_vs_native", 0.85, "speed in the sandbox over that of the native build"},
	{"inst_guest_mib", 150, "guest memory, 256 instances of 37 600 triangles in all"},
	{"guest_5mtri_mib", 2048, "guest memory, 5 million different triangles"},
	{"two_sellers_speedup", 1.92, "wall time of a job with one seller over that with two"},
	{"first_preview_s", 5, "from Render to the first pixels"},
}

// write makes the page and its pictures' folder anew.
func (r *report) write(figures []Figure) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, `# Rendering, measured

Written by `+"`make bench AREA=render`"+` on %s. The machine is shared: processor seconds, not
wall time, are compared, and ratios of things that ran by turns. [How to run it](README.md).

## Figures and goals

| figure | measured | goal | | what it is |
|---|---:|---:|---|---|
`, machine())
	r.goals(&out, figures)
	fmt.Fprintf(&out, "\nWithout a goal, to be watched:\n\n| figure | measured | unit |\n|---|---:|---|\n")
	for _, f := range figures {
		if _, ok := goalOf(f.Name); !ok {
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", f.Name, plainNumber(f.Value), f.Unit)
		}
	}
	r.contests(&out)
	if err := r.showRoom(&out); err != nil {
		return err
	}
	if err := writeModels(&out); err != nil {
		return err
	}
	return os.WriteFile(reportPath, out.Bytes(), 0o644)
}

func goalOf(name string) (float64, bool) {
	for _, g := range goals {
		if g.name == name {
			return g.value, true
		}
	}
	return 0, false
}

func (r *report) goals(out *bytes.Buffer, figures []Figure) {
	for _, g := range goals {
		for _, f := range figures {
			if f.Name != g.name {
				continue
			}
			met, sign := f.Value >= g.value, "≥"
			if f.Better == Lower {
				met, sign = f.Value <= g.value, "≤"
			}
			mark := "met"
			if !met {
				mark = "**not met**"
			}
			fmt.Fprintf(out, "| `%s` | %s | %s %s | %s | %s |\n", f.Name, plainNumber(f.Value), sign, plainNumber(g.value), mark, g.what)
		}
	}
}

// contests shows the project's own scenes beside Cycles.
func (r *report) contests(out *bytes.Buffer) {
	fmt.Fprintf(out, `
## Beside Cycles

Blender's Cycles 3.4.1 on the CPU, from the same .glb with the same camera, sky and 8 bounces; box filter of one pixel,
no denoising, no clamping, no adaptive sampling. Noise is relMSE (epsilon 0.01, the worst 0.1 %% of the pixels trimmed) of
a picture of %d samples against the same renderer's own picture of %d samples; seconds are processor seconds without
scene set-up; efficiency is 1 / (noise x seconds) over that of Cycles. Each row of pictures is ours, Cycles, and their
difference x %d.
`, 64, contestMany, differenceGain)
	for _, x := range r.own {
		x.show(out)
	}
}

func (x exhibit) show(out *bytes.Buffer) {
	c := x.contest
	fmt.Fprintf(out, "\n### %s (`%s`)\n\n![ours, Cycles, difference](pictures/%s.png)\n\n", x.Title, x.Name, x.Name)
	fmt.Fprintf(out, "| | million samples per CPU s | noise | CPU s | efficiency |\n|---|---:|---:|---:|---:|\n")
	for who, name := range []string{"ours in the sandbox (" + c.engine + ")", "ours, native build", "Cycles, native"} {
		fmt.Fprintf(out, "| %s | %.2f | %.5f | %.2f | %.2f |\n", name, c.speed(who)/1e6, c.noise[who], c.cpu[who], c.efficiency(who))
	}
	fmt.Fprintf(out, "\n%s\n", strings.TrimSpace(c.likeness()+" "+x.Note))
}

// likeness says how alike the converged pictures are.
func (c contest) likeness() string {
	m := c.metrics
	return fmt.Sprintf("Converged, the two are %.1f dB apart; our means of red, green and blue are %.3f, %.3f and %.3f of those of Cycles.",
		m.PSNR, m.MeanRatio[0], m.MeanRatio[1], m.MeanRatio[2])
}

// showRoom shows the scene that is held against a stored reference.
func (r *report) showRoom(out *bytes.Buffer) error {
	const name = "cornell_diffuse"
	ours, ref := half(r.room[0]), half(r.room[1])
	if err := saveTriptych(filepath.Join(pictures, name+".png"), ours, ref); err != nil {
		return err
	}
	m, err := picture.Compare(r.room[0], r.room[1])
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n### The same room, all plain diffuse (`%s`)\n\n![ours, Cycles, difference](pictures/%s.png)\n\n", name, name)
	fmt.Fprintf(out, "Here glTF and Cycles mean the same surfaces. %d samples of ours against a stored reference of 2 048 samples: %.1f dB, "+
		"means %.4f, %.4f and %.4f of the reference. What is left is the noise of both.\n",
		refined, m.PSNR, m.MeanRatio[0], m.MeanRatio[1], m.MeanRatio[2])
	return nil
}

// half is a picture at half its size, each pixel the mean of four.
func half(im picture.Image) picture.Image {
	w, h := im.W/2, im.H/2
	pix := make([]float32, w*h*3)
	for i := range pix {
		x, y, c := i/3%w, i/3/w, i%3
		at := (2*y*im.W + 2*x) * 3
		down := at + im.W*3
		pix[i] = (im.Pix[at+c] + im.Pix[at+3+c] + im.Pix[down+c] + im.Pix[down+3+c]) / 4
	}
	return picture.Image{W: w, H: h, Pix: pix}
}

// machine names the processor and how many of its cores there are.
func machine() string {
	name := runtime.GOARCH
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				name = strings.TrimSpace(v)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s", runtime.NumCPU(), name)
}

// plainNumber is a figure with as many digits as say something.
func plainNumber(v float64) string {
	switch {
	case v >= 1000 || v == float64(int(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.4f", v)
}
