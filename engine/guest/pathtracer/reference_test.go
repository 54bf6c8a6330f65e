package pathtracer_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sonm/engine/guest/pathtracer/features"
)

// TestTheTracerAgreesWithTheObviousIntegrator compares what the tracer samples,
// weighs and cuts short with an integrator that does none of it, on rooms of
// every kind of material and light: the means of both must agree.
func TestTheTracerAgreesWithTheObviousIntegrator(t *testing.T) {
	if testing.Short() {
		t.Skip("renders for half a minute")
	}
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("no g++ here")
	}
	if _, err := os.Stat("/usr/include/stb/stb_image.h"); err != nil {
		t.Skip("no stb_image.h here")
	}
	program := filepath.Join(t.TempDir(), "reference")
	build := exec.CommandContext(t.Context(), compiler, "-std=c++20", "-O3", "-fno-math-errno", "-fno-exceptions", "-fno-rtti", "-ffp-contract=off", "native/reference.cpp", "-o", program)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the reference: %v\n%s", err, out)
	}
	for name, scene := range features.Rooms() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bundle")
			if err := os.WriteFile(path, featureBundle(t, scene), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), program, path, "8192").CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for c, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
				var tracer, obvious, deviation float64
				if _, err := fmt.Sscan(line, &tracer, &obvious, &deviation); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				// Five standard errors of the reference, and 0.1 % for the tracer's own.
				if limit := 5*deviation + 0.001*obvious; !(math.Abs(tracer-obvious) <= limit) || !(obvious > 0) || deviation > 0.01*obvious {
					t.Errorf("channel %d: the tracer has %.6f, the reference %.6f with a standard error of %.2g", c, tracer, obvious, deviation)
				}
				t.Logf("channel %d: %.6f, reference %.6f, standard error %.2g", c, tracer, obvious, deviation)
			}
		})
	}
}
