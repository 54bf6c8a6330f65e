package e2e_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Wrong input gets one clear sentence and an exit code, and loses nothing.
func TestBadInputGetsOneClearSentence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	glb, err := os.ReadFile(filepath.Join(testdata, "cornell_diffuse.glb"))
	if err != nil {
		t.Fatal(err)
	}
	triangle := func(positions, count string) string {
		return `{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}],"meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],` +
			`"accessors":[{"bufferView":0,"componentType":5126,"count":` + count + `,"type":"VEC3"}],"bufferViews":[{"buffer":0,"byteLength":36}],` +
			`"buffers":[{"byteLength":36,"uri":"data:application/octet-stream;base64,` + positions + `"}]}`
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write("folder/one.glb", string(glb))
	write("folder/two.gltf", "{}")
	draco, err := os.ReadFile(filepath.Join(testdata, "cornell_draco.glb"))
	if err != nil {
		t.Fatal(err)
	}
	stream := 28 + binary.LittleEndian.Uint32(draco[12:])
	copy(draco[stream+40:], strings.Repeat("\xff", 64))
	nan := strings.Repeat("AADAfwAAwH8AAMB/", 3)
	for _, c := range []struct{ name, file, want string }{
		{"no such file", filepath.Join(dir, "absent.glb"), "absent.glb"},
		{"another format", write("a.obj", "v 0 0 0\n"), ".glb"},
		{"not glTF", write("b.glb", "hello, this is not a scene at all"), "glTF"},
		{"empty", write("c.glb", ""), ""},
		{"truncated", write("d.glb", string(glb[:len(glb)/2])), ""},
		{"cyclic nodes", write("e.gltf", `{"asset":{"version":"2.0"},"scenes":[{"nodes":[0]}],"nodes":[{"children":[1]},{"children":[0]}]}`), "node"},
		{"a billion vertices", write("f.gltf", triangle("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "1000000000")), ""},
		{"not a number", write("g.gltf", triangle(nan, "3")), ""},
		{"URI that leaves the folder", write("h.gltf", strings.Replace(triangle("", "3"), "data:application/octet-stream;base64,", "../../etc/passwd", 1)), "passwd"},
		{"folder with two scenes", folder, "one.glb, two.gltf"},
		{"archive that is none", write("j.zip", "PK, or not"), "j.zip"},
		{"damaged Draco", write("k.glb", string(draco)), "Draco"},
		{"missing file", write("i.gltf", strings.Replace(triangle("", "3"), "data:application/octet-stream;base64,", "far.bin", 1)), "far.bin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, c.want, c.file, "--sellers", "1")
		})
	}
}

func TestBadTermsGetOneClearSentence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"cap below every ask", "asks", []string{"--max-price", "0.1"}},
		{"not enough funds", "Not enough money", []string{"--prices", "1000000000"}},
		{"more than the budget", "more than", []string{"--max-total", "0.000001"}},
		{"size of nothing", "", []string{"--width", "0"}},
		{"unknown camera", "camera", []string{"--camera", "nobody"}},
		{"unknown sky", "sky", []string{"--sky", "absent.hdr"}},
		{"not a number", "max-price", []string{"--max-price", "-3"}},
		{"folder that is not there", "saved", []string{"-o", "/nonexistent/x.png"}},
		{"picture of another kind", ".png", []string{"-o", "x.jpg"}},
		{"price of nothing", "--prices", []string{"--prices", "1,0"}},
		{"two scenes", "sonm demo scene.glb", []string{"a.glb", "b.glb"}},
		{"layers that nothing holds", "cannot hold layers", []string{"--layers"}},
		{"unknown engine", "engine", []string{"--engine", "v8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, c.want, append([]string{"--sellers", "1", "--wait", "3s"}, c.args...)...)
		})
	}
}

func TestWithoutSellersItWaitsSaysSoAndGivesUp(t *testing.T) {
	network(t, func(url string) {
		_, stderr, err := sonm(t, "render", filepath.Join(testdata, "cornell_diffuse.glb"), "-o", filepath.Join(t.TempDir(), "x.png"),
			"--home", t.TempDir(), "--network", url, "--width", "32", "--height", "32", "--samples", "2", "--wait", "2s")
		if err == nil || !strings.Contains(stderr, "waiting") || !strings.Contains(stderr, "Nobody is selling") {
			t.Errorf("err = %v, standard error:\n%s", err, stderr)
		}
	})
}

// refused runs a demo that must end with an exit code that is not zero, one
// sentence that contains want, and no stack trace.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	stdout, stderr, err := sonm(t, append([]string{"demo", "--json", "-o", filepath.Join(t.TempDir(), "x.png"), "--width", "32", "--height", "32", "--samples", "4"}, args...)...)
	if err == nil {
		t.Fatalf("it passed:\n%s", stdout)
	}
	lines := bytes.Split(bytes.TrimSpace([]byte(stdout)), []byte("\n"))
	var said struct{ Error, Message string }
	if err := json.Unmarshal(lines[len(lines)-1], &said); err != nil {
		t.Fatalf("last line is not JSON: %v\n%s%s", err, stdout, stderr)
	}
	t.Log(said.Message)
	if said.Error == "" || said.Error == "internal" || !strings.Contains(said.Message, want) || !strings.HasSuffix(said.Message, ".") {
		t.Errorf("said %q (%s), want a sentence with %q", said.Message, said.Error, want)
	}
	for _, trace := range []string{"goroutine ", "panic:", ".go:"} {
		if strings.Contains(stderr+said.Message, trace) {
			t.Errorf("it shows insides:\n%s", stderr)
		}
	}
}
