package buyer

import (
	"context"
	"time"

	"sonm/engine/job"
)

const (
	thumbnailLog2 = 2           // of its samples per pixel, if there is time for them
	thumbnailTime = time.Second // for all samples after the first
)

// Thumbnail renders a loaded job small: one sample per pixel, and as many more,
// up to four, as one second allows.
//
// It does not use the pilot's tiles, which cost about the same: they come only
// after the whole pilot, whose frame grows with the job's, and a picture is
// wanted within three seconds whatever the size.
func (p *Probe) Thumbnail(ctx context.Context, what Prepared) (*job.Film, error) {
	spec := job.ThumbnailSpec(what.Settings)
	log2 := uint32(0)
	for log2 < thumbnailLog2 && 2<<log2 <= what.Settings.Samples {
		log2++
	}
	film, err := job.NewFilm(int(spec.X1), int(spec.Y1), 1<<log2)
	if err != nil {
		return nil, err
	}
	start := p.b.parts.Now()
	if err := p.expose(ctx, film, spec); err != nil {
		return nil, err
	}
	each := p.b.parts.Now().Sub(start)
	for ; spec.Log2 < log2; spec.Log2++ {
		if each<<spec.Log2 > thumbnailTime-p.b.parts.Now().Sub(start.Add(each)) {
			break
		}
		spec.First = 1 << spec.Log2
		if err := p.expose(ctx, film, spec); err != nil {
			return nil, err
		}
	}
	return film, nil
}

// expose renders a task of a small frame onto a film of that size.
func (p *Probe) expose(ctx context.Context, film *job.Film, spec job.Spec) error {
	reply, err := p.s.Task(ctx, spec.Encode())
	if err != nil {
		return err
	}
	spec.Shift = 0 // to the film it is the whole size
	return film.Add(spec, reply.Payload)
}
