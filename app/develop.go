package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sonm/app/event"
	"sonm/engine/job"
	"sonm/engine/job/denoise"
	"sonm/engine/job/picture"
)

// lookOf is an order's look, or the problem with it.
func lookOf(l event.Look) (picture.Look, error) {
	view, err := picture.ParseView(l.View)
	p := picture.Look{View: view, Exposure: l.Exposure, Bits: l.Bits}
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		return p, &event.Problem{Code: "settings", What: sentence(err), Cause: err}
	}
	return p, nil
}

// checkLook refuses what could not be made of the picture in the end, before
// any money moves.
func checkLook(r event.Order) error {
	if r.Look.Denoise && r.Samples < 2 {
		return &event.Problem{
			Code: "settings", What: "A picture of one sample per pixel cannot be denoised.", Do: "Take at least 2 samples; 16 are a good start.",
		}
	}
	_, err := lookOf(r.Look)
	return err
}

// darkroom makes pictures of a finished film. It is used by one goroutine at a
// time.
type darkroom struct {
	film     *job.Film
	software string
	clean    []float32 // the denoised picture, once it was asked for
}

// write makes the file that the path's ending and the look ask for, and saves
// it: after a crash there is the old file or the new one.
func (d *darkroom) write(ctx context.Context, path string, look event.Look) error {
	l, err := lookOf(look)
	if err != nil {
		return err
	}
	f, err := d.file(ctx, look.Denoise)
	if err != nil {
		return err
	}
	var data []byte
	if strings.EqualFold(filepath.Ext(path), ".exr") {
		data, err = picture.EncodeEXR(f)
	} else {
		data, err = picture.EncodePNG(f, l)
	}
	if err == nil {
		err = writeAtomic(path, data, 0o644)
	}
	if err != nil {
		return &event.Problem{Code: "output", What: fmt.Sprintf("The picture %s cannot be saved: %s.", path, reason(err)), Cause: err}
	}
	return nil
}

// note is what the file says of itself.
func (d *darkroom) note(clean bool) picture.Note {
	return picture.Note{Software: d.software, Samples: d.film.Samples(), Film: d.film.Hash().String(), Denoised: clean}
}

// wrote reports whether the file is there already: each is written whole or not
// at all, and says what it was made of.
func (d *darkroom) wrote(path string, look event.Look) bool {
	l, err := lookOf(look)
	if err != nil {
		return false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	if strings.EqualFold(filepath.Ext(path), ".exr") {
		f, err := picture.DecodeFile(data)
		return err == nil && f.Note == d.note(look.Denoise)
	}
	return picture.IsPNG(data, d.note(look.Denoise), l)
}

// file is the picture, what the camera sees first, and what there is to say.
func (d *darkroom) file(ctx context.Context, clean bool) (picture.File, error) {
	w, h := d.film.Size()
	f := picture.File{
		Image:  picture.Image{W: w, H: h, Pix: d.film.Mean()},
		Layers: picture.NewLayers(d.film.Features()),
		Note:   d.note(clean),
	}
	if !clean {
		return f, nil
	}
	if err := d.denoise(ctx, w, h); err != nil {
		return f, err
	}
	f.Image.Pix = d.clean
	return f, nil
}

// errNoLayers says that a picture was rendered without what denoising needs.
var errNoLayers = &event.Problem{
	Code: "denoise", What: "This picture was rendered without the layers that denoising needs.", Do: "Save it as it is, or render it again with Denoise.",
}

// denoise works the denoised picture out, once.
func (d *darkroom) denoise(ctx context.Context, w, h int) error {
	if d.clean != nil {
		return nil
	}
	halves, ok := d.film.Halves()
	if !ok {
		return errNoLayers
	}
	clean, err := denoise.Run(ctx, denoise.Input{
		W: w, H: h, First: halves.First, Rest: halves.Rest, Samples: halves.Samples, Features: d.film.Features(),
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return errors.Join(errNoLayers, err)
	}
	d.clean = clean
	return nil
}

// shot is what there is of a film, whole or not.
type shot struct {
	w, h  int
	rgb   []float32
	valid []bool // there is a sample of the pixel
}

func shotOf(f *job.Film) shot {
	w, h := f.Size()
	rgb, valid := f.Preview()
	return shot{w, h, rgb, valid}
}

// develop makes 8 bits for the screen; what has no sample yet is transparent.
func (s shot) develop(l picture.Look) event.Picture {
	p := event.Picture{Width: s.w, Height: s.h, RGBA: make([]byte, 4*s.w*s.h)}
	for i, ok := range s.valid {
		if ok {
			c := l.Show([3]float32(s.rgb[3*i : 3*i+3]))
			copy(p.RGBA[4*i:], []byte{picture.Byte(c[0]), picture.Byte(c[1]), picture.Byte(c[2]), 255})
		}
	}
	return p
}
