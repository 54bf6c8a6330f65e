package e2e_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"sonm/engine/job/picture"
)

const testdata = "../../engine/guest/pathtracer/testdata"

// small are settings at which a job takes a few seconds.
var small = []string{"--width", "96", "--height", "80", "--samples", "20"}

func TestTheDemoRendersAndPays(t *testing.T) {
	s := demo(t, small...)
	if s.Engine["wasmer"] == 0 && wasmerWorksHere {
		t.Error("no task ran in wasmer")
	}
	if len(s.Sellers) != 3 {
		t.Errorf("%d sellers in the summary, want 3", len(s.Sellers))
	}
	im := readEXR(t, s.Out)
	if im.W != 96 || im.H != 80 {
		t.Errorf("picture of %dx%d, want 96x80", im.W, im.H)
	}
}

// The film is a function of the scene and the settings: not of who rendered
// what, how the job was cut, or which engine ran.
func TestTheFilmIsTheSameHoweverTheJobIsSplit(t *testing.T) {
	t.Parallel()
	want := demo(t, append(slices.Clone(small), "--sellers", "1")...)
	for name, args := range map[string][]string{
		"again, in another job": {"--sellers", "1"},
		"two sellers":           {"--sellers", "2"},
		"five sellers":          {"--sellers", "5"},
		"small tiles":           {"--tile", "16"},
		"small blocks":          {"--block", "2"},
		"wazero only":           {"--engine", "wazero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := demo(t, append(slices.Clone(small), args...)...)
			if got.Film != want.Film {
				t.Errorf("film %s, want %s", got.Film, want.Film)
			}
			if got.Job == want.Job {
				t.Error("two jobs have one id")
			}
			if name == "wazero only" && got.Engine["wazero"] != got.Tasks {
				t.Errorf("tasks ran in %v", got.Engine)
			}
		})
	}
}

func TestAPriceCapKeepsDearSellersOut(t *testing.T) {
	all := demo(t, append(slices.Clone(small), "--prices", "1,2,3")...)
	if len(all.Sellers) != 3 {
		t.Errorf("%d sellers without a cap, want 3", len(all.Sellers))
	}
	cheap := demo(t, append(slices.Clone(small), "--prices", "1,2,3", "--max-price", "1.5", "--tile", "16")...)
	if len(cheap.Sellers) != 1 || cheap.Sellers[0].Tasks != cheap.Tasks {
		t.Fatalf("sellers %+v, want one that did all %d tasks", cheap.Sellers, cheap.Tasks)
	}
	dear := demo(t, append(slices.Clone(small), "--prices", "2", "--sellers", "1", "--tile", "16")...)
	if r := ratio(dear.Buyer.Spent, cheap.Buyer.Spent); math.Abs(r-2) > 1e-9 {
		t.Errorf("the same job at twice the price cost %.12f times as much", r)
	}
}

func TestThePictureIsRight(t *testing.T) {
	if testing.Short() {
		t.Skip("renders 17 million samples")
	}
	ref := readEXR(t, filepath.Join(testdata, "ref_cornell_diffuse.exr"))
	s := demo(t, filepath.Join(testdata, "cornell_diffuse.glb"), "--width", "256", "--height", "256", "--samples", "256")
	m, err := picture.Compare(readEXR(t, s.Out), ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("PSNR %.2f dB, mean ratio %v, tasks %d (%v), %.1f s", m.PSNR, m.MeanRatio, s.Tasks, s.Engine, s.Wall)
	if m.PSNR < 30 {
		t.Errorf("PSNR = %.2f dB, want >= 30", m.PSNR)
	}
	for i, r := range m.MeanRatio {
		if math.Abs(r-1) > 0.03 {
			t.Errorf("mean of channel %d is %.4f of the reference's, want within 3 %%", i, r)
		}
	}
}

func TestItWorksAcrossNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	probe := "sonm-probe"
	if out, err := exec.Command("ip", "netns", "add", probe).CombinedOutput(); err != nil {
		t.Skipf("network namespaces cannot be made here: %v %s", err, out)
	}
	if out, err := exec.Command("ip", "netns", "del", probe).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	demo(t, append(slices.Clone(small), "--isolate")...)
}

func readEXR(t *testing.T, path string) picture.Image {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	im, err := picture.DecodeEXR(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return im
}
