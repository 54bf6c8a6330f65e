package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page says which goals are met, and every picture it shows is there.
func TestReport(t *testing.T) {
	list, err := os.ReadFile("models.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	results := `{"suzi": {"psnr": 48.8, "mean_ratio": [1, 1, 1], "efficiency": 1.4, "speed": 1e6}, "bunny": {"refused": "no"}}`
	for path, data := range map[string]string{modelList: string(list), modelResults: results, pictures + "/suzi.png": "", pictures + "/tex.png": ""} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &contest{view: &prepared{view: view{Width: 8, Height: 8}}, noise: [3]float64{1, 1, 2}, cpu: [3]float64{1, 1, 1}, engine: "wasmer", samples: 1}
	r := report{room: pair2{flat(8, 8, 0.5), flat(8, 8, 0.5)}, own: []exhibit{{Name: "tex", Title: "Spheres", contest: c}}}
	figures := []Figure{
		{Name: "vs_cycles_tex", Value: 2, Better: Higher}, {Name: "inst_guest_mib", Value: 151, Better: Lower}, {Name: "gas_job", Value: 7, Unit: "gas"},
	}
	if err := r.write(figures); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(reportPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `vs_cycles_tex` | 2 | ≥ 1 | met |", "| `inst_guest_mib` | 151 | ≤ 150 | **not met** |", "| `gas_job` | 7 | gas |",
		"| ours in the sandbox (wasmer) | 0.00 | 1.00000 | 1.00 | 2.00 |", "| Suzi | 48.8 dB |", "| Bunny | not rendered |",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, m := range regexp.MustCompile(`\]\((pictures/[^)]*)\)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(reportPath), m[1])); err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.Logf("%s", page)
	}
}
