package job_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"sonm/engine/job"
)

var cornell = job.Settings{Scene: "cornell.glb", Width: 256, Height: 256, Samples: 256}

func TestSettingsAreCanonical(t *testing.T) {
	b, err := cornell.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"scene":"cornell.glb","width":256,"height":256,"samples":256,"frame":0,"camera":"","max_bounces":8}`
	if string(b) != want {
		t.Errorf("settings = %s, want %s", b, want)
	}
	for _, text := range []string{
		want,
		`{"samples":256, "height":256,"width":256,"scene":"cornell.glb"}`,
	} {
		s, err := job.DecodeSettings([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := s.Encode(); string(again) != want {
			t.Errorf("%s becomes %s", text, again)
		}
	}
	s, err := job.DecodeSettings([]byte(`{"scene":"a","width":1,"height":1,"samples":1,"sky":{"file":"x/y.hdr","rotation":90}}`))
	if err != nil || s.Sky.Strength != 1 || s.Sky.Rotation != 90 || s.Sky.File != "x/y.hdr" {
		t.Errorf("sky %+v, %v", s.Sky, err)
	}
	withSky := cornell
	withSky.Sky = job.SkyColor(1, 0.5, 0)
	if b, err = withSky.Encode(); err != nil || !strings.HasSuffix(string(b), `"sky":{"color":[1,0.5,0],"strength":1,"rotation":0}}`) {
		t.Errorf("settings = %s, %v", b, err)
	}
}

func TestSettingsRefuse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, "EOF"},
		{`null`, "scene"},
		{`{"scene":"a","width":1,"height":1,"samples":1} x`, "after the end"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"denoise":true}`, "denoise"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"sky":{"colour":[1,1,1]}}`, "colour"},
		{`{"scene":"../a","width":1,"height":1,"samples":1}`, `".."`},
		{`{"scene":"a","width":0,"height":1,"samples":1}`, "0 x 1"},
		{`{"scene":"a","width":16385,"height":1,"samples":1}`, "16385"},
		{`{"scene":"a","width":1,"height":1,"samples":65537}`, "65537"},
		{`{"scene":"a","width":1,"height":1,"samples":0}`, "0 samples"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"frame":-1}`, "frame -1"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"max_bounces":257}`, "257"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"sky":{"strength":-1}}`, "strength"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"sky":{"color":[1,1,-1]}}`, "colour"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"sky":{"file":"/etc/passwd"}}`, "relative"},
		{`{"scene":"a","width":1,"height":1,"samples":1,"camera":"` + strings.Repeat("x", 300) + `"}`, "camera"},
	} {
		if _, err := job.DecodeSettings([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte(`{"scene":"a","width":1,"height":1,"samples":1,"sky":{"color":[1,2,3]}}`))
	f.Add([]byte(`{"scene":"ä/ö","width":1e3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := job.DecodeSettings(b)
		if err != nil {
			return
		}
		one, err := s.Encode()
		if err != nil {
			t.Fatalf("%+v was read but cannot be written: %v", s, err)
		}
		back, err := job.DecodeSettings(one)
		if err != nil {
			t.Fatalf("%s: %v", one, err)
		}
		if two, _ := back.Encode(); !bytes.Equal(one, two) {
			t.Fatalf("%s, then %s", one, two)
		}
	})
}

func TestBundle(t *testing.T) {
	settings, _ := cornell.Encode()
	files := []job.File{{"tex/b.png", []byte{1, 2}}, {"job.json", settings}, {"cornell.glb", []byte("glTF")}, {"empty", nil}}
	b, err := job.Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	files[0], files[3] = files[3], files[0]
	if again, _ := job.Pack(files); !bytes.Equal(b, again) {
		t.Error("the order of the files shows in the bundle")
	}
	back, err := job.Unpack(b)
	if err != nil || len(back) != 4 {
		t.Fatalf("unpack: %d files, %v", len(back), err)
	}
	got, ok := back.File("tex/b.png")
	if !ok || !bytes.Equal(got, []byte{1, 2}) {
		t.Errorf("tex/b.png = %v, %v", got, ok)
	}
	if _, ok := back.File("tex"); ok {
		t.Error("a file that is not there was found")
	}
	if s, err := back.Settings(); err != nil || s.Scene != "cornell.glb" {
		t.Errorf("settings %+v, %v", s, err)
	}
	if _, err := back[1:].Settings(); err == nil {
		t.Error("settings of a bundle without its scene")
	}
	copy(b[bytes.Index(b, []byte("glTF")):], "GLTF")
	if got, _ := back.File("cornell.glb"); string(got) != "GLTF" {
		t.Error("unpack copied the data")
	}
	for n := range b {
		if _, err := job.Unpack(b[:n]); !errors.Is(err, job.ErrBundle) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	if _, err := job.Unpack(append(b, 0)); !errors.Is(err, job.ErrBundle) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestPaths(t *testing.T) {
	for _, p := range []string{
		"", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a/.", `a\b`, "C:/a", "a\x00b", "a\nb", "\xff",
		strings.Repeat("a", 1025),
	} {
		if job.CheckPath(p) == nil {
			t.Errorf("%q is taken", p)
		}
		if _, err := job.Pack([]job.File{{Path: p}}); err == nil {
			t.Errorf("%q is packed", p)
		}
	}
	for _, p := range []string{"a", "a/b.c", "..a", "über/日本.png", "a b", strings.Repeat("a", 1024)} {
		if err := job.CheckPath(p); err != nil {
			t.Error(err)
		}
	}
	if _, err := job.Pack([]job.File{{Path: "a"}, {Path: "a"}}); err == nil {
		t.Error("a path is packed twice")
	}
}

func FuzzUnpack(f *testing.F) {
	b, _ := job.Pack([]job.File{{"a", []byte("x")}, {"b/c", nil}})
	f.Add(b)
	f.Add([]byte("SNMB\x01\x00\x00\x00\xff\xff\x00\x00"))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, err := job.Unpack(b)
		if err != nil {
			return
		}
		if again, err := job.Pack(files); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x unpacks but packs to %x, %v", b, again, err)
		}
	})
}

func TestSpec(t *testing.T) {
	s := job.Spec{Frame: 7, X0: 64, Y0: 128, X1: 128, Y1: 192, First: 64, Log2: 5}
	b := s.Encode()
	if len(b) != 40 || b[0] != 1 || b[4] != 7 || b[24] != 64 || b[28] != 5 {
		t.Errorf("spec = %v", b)
	}
	if back, err := job.DecodeSpec(b); err != nil || back != s {
		t.Errorf("%+v, %v", back, err)
	}
	if s.PayloadSize() != 64*64*12 || s.Samples() != 32 {
		t.Errorf("payload %d, samples %d", s.PayloadSize(), s.Samples())
	}
	set := job.Settings{Scene: "a", Width: 200, Height: 192, Samples: 96, Frame: 7}
	if err := s.Validate(set); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*job.Spec, *job.Settings){
		"frame":     func(_ *job.Spec, set *job.Settings) { set.Frame = 8 },
		"width":     func(_ *job.Spec, set *job.Settings) { set.Width = 127 },
		"height":    func(_ *job.Spec, set *job.Settings) { set.Height = 191 },
		"samples":   func(_ *job.Spec, set *job.Settings) { set.Samples = 95 },
		"alignment": func(s *job.Spec, _ *job.Settings) { s.First = 48 },
		"empty":     func(s *job.Spec, _ *job.Settings) { s.X1 = 64 },
		"turned":    func(s *job.Spec, _ *job.Settings) { s.Y1 = 1 },
		"log2":      func(s *job.Spec, _ *job.Settings) { s.First, s.Log2 = 0, 40 },
		"shift":     func(s *job.Spec, _ *job.Settings) { s.Shift = 3 },
		"layer":     func(s *job.Spec, _ *job.Settings) { s.Layer, s.First, s.Log2 = job.Features, 0, 4 },
		"far shift": func(s *job.Spec, _ *job.Settings) { s.Shift = 77 },
	} {
		s, set := s, set
		change(&s, &set)
		if s.Validate(set) == nil {
			t.Errorf("%s: %+v is taken", name, s)
		}
	}
	for name, change := range map[string]func(b []byte) []byte{
		"short":   func(b []byte) []byte { return b[:39] },
		"long":    func(b []byte) []byte { return append(b, 0) },
		"version": func(b []byte) []byte { b[0] = 2; return b },
		"layer":   func(b []byte) []byte { b[36] = 2; return b },
		"huge":    func(b []byte) []byte { b[18] = 1; return b },
	} {
		if _, err := job.DecodeSpec(change(s.Encode())); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzSpec(f *testing.F) {
	f.Add(job.Spec{X1: 8, Y1: 8, Log2: 3}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := job.DecodeSpec(b); err == nil && !bytes.Equal(s.Encode(), b) {
			t.Fatalf("%x is read as %+v", b, s)
		}
	})
}
