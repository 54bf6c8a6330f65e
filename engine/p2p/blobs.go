package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/engine/fog"
	"sonm/engine/wire"
)

const (
	blobProtocol = "blob/1.0.0"
	blobBatch    = 32              // chunks in one request, 8 MiB on average
	blobAhead    = 3               // requests on their way at once, so that the line never waits for one
	blobBuffers  = 4               // chunks received but not stored yet
	blobPart     = 4 << 10         // bytes of a part of a manifest that is not the last, at least: no endless trickle
	blobIdle     = 2 * time.Minute // a server drops a stream nobody asks on, as does a reader nobody answers
)

// Blobs is content that can be read by name, here or elsewhere; package blob
// has the same interface. Chunks calls each in the order of want. What is
// missing is an error that wraps fs.ErrNotExist.
type Blobs interface {
	Manifest(ctx context.Context, root fog.Hash, max int) ([]byte, error)
	Chunks(ctx context.Context, root fog.Hash, want []fog.Hash, each func(i int, data []byte) error) error
}

// ServeBlobs answers the peers that admit lets near a root. To the others
// everything is not found.
func (h *Host) ServeBlobs(from Blobs, admit func(p fog.PeerID, root fog.Hash) bool) {
	h.Handle(blobProtocol, func(ctx context.Context, s *Stream) {
		c := &counterpart{s: s, from: from, admit: admit}
		if err := c.serve(ctx); err != nil && ctx.Err() == nil {
			h.log.Debug("blob stream ended", "peer", s.Peer(), "error", err)
			_ = s.Reset() // it is over either way
		}
	})
}

// counterpart is one peer that reads from us.
type counterpart struct {
	s     *Stream
	from  Blobs
	admit func(p fog.PeerID, root fog.Hash) bool

	root     fog.Hash // of the manifest at hand
	manifest []byte
}

// serve answers requests in their order until the peer closes the stream.
func (c *counterpart) serve(ctx context.Context) error {
	for {
		m, err := c.recv(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch b := m.Body.(type) {
		case wire.WantManifest:
			err = c.part(ctx, b)
		case wire.WantChunks:
			err = c.chunks(ctx, b)
		case wire.Unknown:
		default:
			err = fmt.Errorf("%s on a blob stream", wire.NameOf(b))
		}
		if err != nil {
			return err
		}
	}
}

func (c *counterpart) part(ctx context.Context, w wire.WantManifest) error {
	if !c.admit(c.s.Peer(), w.Root) {
		return c.send(ctx, wire.NotFound{Name: w.Root})
	}
	if c.manifest == nil || c.root != w.Root {
		b, err := c.from.Manifest(ctx, w.Root, wire.MaxManifest)
		if errors.Is(err, fs.ErrNotExist) {
			return c.send(ctx, wire.NotFound{Name: w.Root})
		}
		if err != nil {
			return err
		}
		c.root, c.manifest = w.Root, b
	}
	size := uint64(len(c.manifest))
	if w.Offset > size {
		return fmt.Errorf("manifest asked for from %d, it has %d bytes", w.Offset, size)
	}
	end := min(size, w.Offset+wire.MaxPart)
	return c.send(ctx, wire.Manifest{Root: w.Root, Size: size, Offset: w.Offset, Data: c.manifest[w.Offset:end]})
}

// chunks answers every name in turn; one that is missing does not stop the
// others.
func (c *counterpart) chunks(ctx context.Context, w wire.WantChunks) error {
	admitted := c.admit(c.s.Peer(), w.Root)
	for want := w.Chunks; len(want) > 0; {
		sent := 0
		err := fs.ErrNotExist
		if admitted {
			err = c.from.Chunks(ctx, w.Root, want, func(i int, data []byte) error {
				sent = i + 1
				return c.send(ctx, wire.Chunk{Name: want[i], Data: data})
			})
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) || sent == len(want) {
			return err
		}
		if err := c.send(ctx, wire.NotFound{Name: want[sent]}); err != nil {
			return err
		}
		want = want[sent+1:]
	}
	return nil
}

func (c *counterpart) send(ctx context.Context, b wire.Body) error { return sendSoon(ctx, c.s, b) }

func (c *counterpart) recv(ctx context.Context) (*wire.Message, error) {
	return recvSoon(ctx, c.s, wire.MaxControl, new([]byte))
}

// BlobSource reads content from one peer. It does not check what arrives
// against the names; whoever stores it does (blob.Fetch).
type BlobSource struct {
	h     *Host
	peer  fog.PeerID
	addrs []string
}

// BlobSource reads from a peer that can be dialled at addrs.
func (h *Host) BlobSource(p fog.PeerID, addrs []string) *BlobSource {
	return &BlobSource{h: h, peer: p, addrs: addrs}
}

// Manifest fetches the encoded manifest of root, of at most max bytes.
func (b *BlobSource) Manifest(ctx context.Context, root fog.Hash, max int) ([]byte, error) {
	s, err := b.h.Open(ctx, b.peer, b.addrs, blobProtocol)
	if err != nil {
		return nil, err
	}
	out, err := manifest(ctx, s, root, max)
	if err != nil {
		_ = s.Reset() // it is of no more use to either side
		return nil, fmt.Errorf("manifest %s from %v: %w", root.Short(), b.peer, err)
	}
	return out, s.Close()
}

func manifest(ctx context.Context, s *Stream, root fog.Hash, max int) ([]byte, error) {
	var out []byte
	var size uint64
	for {
		if err := sendSoon(ctx, s, wire.WantManifest{Root: root, Offset: uint64(len(out))}); err != nil {
			return nil, err
		}
		m, err := recvSoon(ctx, s, wire.MaxPart+wire.MaxControl, new([]byte))
		if err != nil {
			return nil, err
		}
		p, ok := m.Body.(wire.Manifest)
		if !ok {
			return nil, unwanted(m)
		}
		if p.Size > uint64(max) {
			return nil, fmt.Errorf("%d bytes where %d are allowed: %w", p.Size, max, wire.ErrTooLarge)
		}
		if out != nil && p.Size != size {
			return nil, fmt.Errorf("manifest of %d bytes where it was %d before", p.Size, size)
		}
		size = p.Size
		if rest := size - min(size, uint64(len(out))); p.Root != root || p.Offset != uint64(len(out)) ||
			len(p.Data) == 0 || uint64(len(p.Data)) < min(rest, blobPart) {
			return nil, fmt.Errorf("part of %d bytes at %d where the rest from %d was asked for", len(p.Data), p.Offset, len(out))
		}
		out = append(out, p.Data...)
		if uint64(len(out)) == size {
			return out, nil
		}
	}
}

// Chunks fetches chunks of root and gives them to each in the order of want.
// data is valid until each returns.
func (b *BlobSource) Chunks(ctx context.Context, root fog.Hash, want []fog.Hash, each func(i int, data []byte) error) error {
	if len(want) == 0 {
		return nil
	}
	s, err := b.h.Open(ctx, b.peer, b.addrs, blobProtocol)
	if err != nil {
		return err
	}
	if err := chunks(ctx, s, root, want, each); err != nil {
		_ = s.Reset() // it is of no more use to either side
		return fmt.Errorf("chunks of %s from %v: %w", root.Short(), b.peer, err)
	}
	return s.Close()
}

// chunks receives on one goroutine and hands over on another, so that hashing
// and storing a chunk does not hold up the line.
func chunks(ctx context.Context, s *Stream, root fog.Hash, want []fog.Hash, each func(i int, data []byte) error) error {
	free, full := make(chan *[]byte, blobBuffers), make(chan piece, blobBuffers)
	for range blobBuffers {
		free <- new([]byte)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(full)
		return receive(ctx, &asker{s: s, root: root, want: want}, free, full)
	})
	g.Go(func() error {
		i := 0
		for p := range full {
			if err := each(i, p.data); err != nil {
				return err
			}
			i++
			free <- p.buf
		}
		return nil
	})
	return g.Wait()
}

// piece is a chunk in the buffer it was received into.
type piece struct {
	data []byte
	buf  *[]byte
}

// receive takes what ask asks for, in order.
func receive(ctx context.Context, ask *asker, free <-chan *[]byte, full chan<- piece) error {
	for range blobAhead {
		if err := ask.next(ctx); err != nil {
			return err
		}
	}
	for i, name := range ask.want {
		var buf *[]byte
		select {
		case buf = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		m, err := recvSoon(ctx, ask.s, wire.MaxChunk+wire.MaxControl, buf)
		if err != nil {
			return err
		}
		c, ok := m.Body.(wire.Chunk)
		if !ok {
			return unwanted(m)
		}
		if c.Name != name {
			return fmt.Errorf("chunk %s where %s was asked for", c.Name.Short(), name.Short())
		}
		full <- piece{c.Data, buf} // never waits: there are no more buffers than places
		if (i+1)%blobBatch == 0 {
			if err := ask.next(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// asker asks for want in batches.
type asker struct {
	s     *Stream
	root  fog.Hash
	want  []fog.Hash
	asked int
}

func (a *asker) next(ctx context.Context) error {
	n := min(blobBatch, len(a.want)-a.asked)
	if n == 0 {
		return nil
	}
	a.asked += n
	return sendSoon(ctx, a.s, wire.WantChunks{Root: a.root, Chunks: a.want[a.asked-n : a.asked]})
}

func unwanted(m *wire.Message) error {
	if n, ok := m.Body.(wire.NotFound); ok {
		return fmt.Errorf("%s: %w", n.Name.Short(), fs.ErrNotExist)
	}
	return fmt.Errorf("%s in answer", wire.NameOf(m.Body))
}

func sendSoon(ctx context.Context, s *Stream, b wire.Body) error {
	ctx, cancel := context.WithTimeout(ctx, blobIdle)
	defer cancel()
	return s.Send(ctx, wire.New(b))
}

func recvSoon(ctx context.Context, s *Stream, max int, buf *[]byte) (*wire.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, blobIdle)
	defer cancel()
	return s.recv(ctx, max, buf)
}
