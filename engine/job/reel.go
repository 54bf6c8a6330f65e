package job

import (
	"crypto/sha256"
	"fmt"

	"sonm/engine/fog"
)

// Reel joins the results of a job of one or many frames. It holds the films of
// frames that are begun and not complete, and the newest one; a frame that is
// complete is handed out, and only its hash kept, so that an animation needs
// the memory of a few frames. It is not safe for use from several goroutines
// at once.
type Reel struct {
	set    Settings
	films  map[uint32]*Film    // begun and not complete
	hashes map[uint32]fog.Hash // of those complete
	newest *Film               // that got a result last; an empty one at first
}

// NewReel makes a reel of a job of valid settings.
func NewReel(s Settings) (*Reel, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	r := &Reel{set: s, films: map[uint32]*Film{}, hashes: map[uint32]fog.Hash{}}
	var err error
	r.newest, err = r.film()
	return r, err
}

func (r *Reel) film() (*Film, error) { return FilmOf(r.set) }

// Add takes a task's result, see Film.Add. It returns the frame's film if that
// is complete by it; the film is the caller's from then on, to be read only.
// A result of a frame that is complete is ignored.
func (r *Reel) Add(s Spec, payload []byte) (complete *Film, err error) {
	if err := r.set.checkFrame(s.Frame); err != nil {
		return nil, fmt.Errorf("add to film: %w", err)
	}
	if _, ok := r.hashes[s.Frame]; ok {
		return nil, nil
	}
	f := r.films[s.Frame]
	if f == nil {
		if f, err = r.film(); err != nil {
			return nil, err
		}
	}
	if err := f.Add(s, payload); err != nil {
		return nil, err
	}
	r.newest, r.films[s.Frame] = f, f
	if !f.Complete() {
		return nil, nil
	}
	delete(r.films, s.Frame)
	r.hashes[s.Frame] = f.Hash()
	return f, nil
}

// Forget empties a frame, complete or not, of which a result was found wrong.
func (r *Reel) Forget(frame uint32) error {
	delete(r.films, frame)
	delete(r.hashes, frame)
	var err error
	r.newest, err = r.film() // what it shows may be of that frame
	return err
}

// Newest is the film that got a result last.
func (r *Reel) Newest() *Film { return r.newest }

// Done is the number of complete frames.
func (r *Reel) Done() int { return len(r.hashes) }

// Complete reports whether every frame is.
func (r *Reel) Complete() bool { return r.Done() == r.set.FrameCount() }

// Hash names what was rendered, once it is complete: a picture by the hash of
// its film, an animation by the SHA-256 of its films' hashes in order of the
// frames. A frame that is not complete counts as what there is of it.
func (r *Reel) Hash() fog.Hash {
	if !r.set.Animated() {
		return r.hash(r.set.FrameAt(0))
	}
	h := sha256.New()
	for i := range r.set.FrameCount() {
		x := r.hash(r.set.FrameAt(i))
		h.Write(x[:])
	}
	return fog.Hash(h.Sum(nil))
}

// hash is a frame's; zero of one that is not begun.
func (r *Reel) hash(frame int) fog.Hash {
	n := uint32(frame)
	if f := r.films[n]; f != nil {
		return f.Hash()
	}
	return r.hashes[n]
}
