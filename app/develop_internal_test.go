package app

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sonm/app/event"
	"sonm/engine/job"
	"sonm/engine/job/picture"
)

// A file that calls itself denoised holds the denoised picture, and one that
// does not what was rendered.
func TestADenoisedFileIsDenoised(t *testing.T) {
	film, err := job.FilmOf(job.Settings{Scene: "a.glb", Width: 8, Height: 8, Samples: 2, Layers: true})
	if err != nil {
		t.Fatal(err)
	}
	add := func(s job.Spec, value func(i int) float32) {
		t.Helper()
		var b []byte
		for i := range s.PayloadSize() / 4 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(value(i)))
		}
		if err := film.Add(s, b); err != nil {
			t.Fatal(err)
		}
	}
	for first := range uint32(2) { // one wall in even light, with grain
		add(job.Spec{X1: 8, Y1: 8, First: first}, func(i int) float32 { return float32((i/3*7+int(first)*3)%5) / 5 })
	}
	add(job.Spec{X1: 8, Y1: 8, Log2: 1, Layer: job.Features}, func(i int) float32 { return []float32{1, 1, 1, 0, 0, 2, 10, 2}[i%8] })
	room := darkroom{film: film, software: "SONM"}
	saved := func(clean bool) picture.File {
		t.Helper()
		path := filepath.Join(t.TempDir(), "a.exr")
		if err := room.write(t.Context(), path, event.Look{Denoise: clean}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := picture.DecodeFile(data)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := saved(false); f.Note.Denoised || !slices.Equal(f.Image.Pix, film.Mean()) {
		t.Error("what was rendered is not what is saved")
	}
	f := saved(true)
	if !f.Note.Denoised || spread(f.Image.Pix) > spread(film.Mean())/2 {
		t.Errorf("denoised: %v, a spread of %v, rendered is %v", f.Note.Denoised, spread(f.Image.Pix), spread(film.Mean()))
	}
}

// spread is the standard deviation.
func spread(values []float32) float64 {
	var sum, squares float64
	for _, v := range values {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	n := float64(len(values))
	return math.Sqrt(squares/n - sum/n*sum/n)
}
