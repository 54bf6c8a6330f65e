package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
)

// The engine of a home answers windows and terminals of the same user over a
// socket in the home: HTTP with JSON bodies, and for what takes time a line of
// JSON for each thing that happens. Who can open the socket can spend the
// account's money; it is as private as the home.

const (
	versionHeader = "Sonm-Version"
	widthHeader   = "Sonm-Width"
	heightHeader  = "Sonm-Height"
	maxCommand    = 1 << 20 // bytes of a command
)

// line is one line of an answer that takes time. The last one has Done or
// Problem; if it is missing, the engine has ended.
type line struct {
	Event   *event.Event    `json:",omitempty"`
	Kind    string          `json:",omitempty"` // of Fact
	Fact    json.RawMessage `json:",omitempty"`
	Done    bool            `json:",omitempty"`
	Result  json.RawMessage `json:",omitempty"` // if Done and there is one
	Problem *event.Problem  `json:",omitempty"`
}

// command is the body of a command that says more than its name.
type command struct {
	Job   fog.JobID
	Path  string
	Look  event.Look
	Price fog.Amount
	Slots int
}

// server answers on the home's socket.
type server struct {
	version string
	http    *http.Server
	started chan struct{} // closed when desk is set
	desk    *Desk
	serving sync.WaitGroup // the listener, and every conversation
	tidy    func() error
}

// serve listens on the home's socket; questions wait until ready is called.
func serve(ctx context.Context, h *home, cfg Config) (*server, error) {
	ln, tidy, err := listen(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("listen for windows and terminals: %w", err)
	}
	s := &server{version: cfg.Version, started: make(chan struct{}), tidy: tidy}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: time.Second}
	s.serving.Go(func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("windows and terminals are not answered any more", "err", err)
		}
	})
	return s, nil
}

// ready lets questions through.
func (s *server) ready(d *Desk) {
	s.desk = d
	close(s.started)
}

// Close ends every conversation and waits for that: whoever is told nothing more
// knows that the engine is gone.
func (s *server) Close() error {
	err := s.http.Close()
	s.serving.Wait()
	return errors.Join(err, s.tidy())
}

// socketFile is in the home, or, where that makes too long a name for the
// system, says where the socket is.
const (
	socketFile   = "sonm.sock"
	longestName  = 100 // bytes of a socket's path; macOS takes 103, Linux 107
	socketPlace  = "sonm.sock.at"
	socketPrefix = "sonm-"
)

// listen opens the socket of a home that this process holds.
func listen(ctx context.Context, h *home) (net.Listener, func() error, error) {
	if old, err := os.ReadFile(h.path(socketPlace)); err == nil { // left by a process that was killed
		dropPlace(string(old))
	}
	path, tidy := h.path(socketFile), func() error { return nil }
	if err := errors.Join(remove(path), remove(h.path(socketPlace))); err != nil {
		return nil, nil, err
	}
	if len(path) > longestName {
		dir, err := os.MkdirTemp("", socketPrefix) // readable by this user only
		if err != nil {
			return nil, nil, err
		}
		path = filepath.Join(dir, socketFile)
		if err := writeAtomic(h.path(socketPlace), []byte(path), 0o600); err != nil {
			return nil, nil, err
		}
		tidy = func() error {
			dropPlace(path)
			return remove(h.path(socketPlace))
		}
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, nil, errors.Join(err, tidy())
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, nil, errors.Join(err, ln.Close(), tidy())
	}
	return ln, tidy, nil
}

// dropPlace removes a socket and its folder, if they are such as listen makes;
// what else a file may name is left alone.
func dropPlace(path string) {
	dir := filepath.Dir(path)
	if filepath.Base(path) == socketFile && filepath.Dir(dir) == filepath.Clean(os.TempDir()) && strings.HasPrefix(filepath.Base(dir), socketPrefix) {
		_ = os.Remove(path) //nolint:gosec // checked above; what cannot be removed is a few bytes
		_ = os.Remove(dir)  //nolint:gosec // checked above; only an empty folder goes
	}
}

// remove is os.Remove of what may not be there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// socketPath is where the engine of a home listens, if one does.
func socketPath(dir string) string {
	h := &home{dir: dir}
	if at, err := os.ReadFile(h.path(socketPlace)); err == nil {
		return string(at)
	}
	return h.path(socketFile)
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	for path, do := range map[string]func(context.Context, command) (any, error){
		"hello":  func(context.Context, command) (any, error) { return nil, nil },
		"status": func(ctx context.Context, _ command) (any, error) { return s.desk.Status(ctx) },
		"money":  func(ctx context.Context, _ command) (any, error) { return s.desk.Money(ctx) },
		"redeem": func(ctx context.Context, _ command) (any, error) { return s.desk.Redeem(ctx) },
		"accept": func(ctx context.Context, c command) (any, error) { return nil, s.desk.Accept(ctx, c.Job) },
		"cancel": func(ctx context.Context, c command) (any, error) { return nil, s.desk.Cancel(ctx, c.Job) },
		"save":   func(ctx context.Context, c command) (any, error) { return nil, s.desk.Save(ctx, c.Job, c.Path, c.Look) },
		"start": func(ctx context.Context, c command) (any, error) {
			return nil, s.desk.StartSelling(ctx, c.Price, c.Slots)
		},
		"stop": func(ctx context.Context, _ command) (any, error) { return nil, s.desk.StopSelling(ctx) },
	} {
		handle(s, mux, path, func(ctx context.Context, c command, w *lines) { w.end(do(ctx, c)) })
	}
	handle(s, mux, "quote", func(ctx context.Context, o event.Order, w *lines) { w.end(s.desk.Quote(ctx, o)) })
	handle(s, mux, "watch", func(ctx context.Context, _ command, w *lines) {
		w.end(nil, s.desk.Watch(ctx, func(e event.Event) { w.put(line{Event: &e}) }))
	})
	handle(s, mux, "render", func(ctx context.Context, r RenderRequest, w *lines) { w.end(s.desk.Render(ctx, r, w.fact)) })
	handle(s, mux, "sell", func(ctx context.Context, r SellRequest, w *lines) { w.end(nil, s.desk.Sell(ctx, r, w.fact)) })
	mux.HandleFunc("POST /preview", s.preview)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serving.Add(1) // within Serve, which is counted: Close is still waiting
		defer s.serving.Done()
		mux.ServeHTTP(w, r)
	})
}

// admit waits until the engine can be asked, and refuses programs of another
// version: they may mean something else by the same words.
func (s *server) admit(w http.ResponseWriter, r *http.Request) bool {
	if v := r.Header.Get(versionHeader); v != s.version {
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(line{Problem: &event.Problem{ // the asker may have left
			Code: "version", What: fmt.Sprintf("SONM %s is running, and this is SONM %s.", s.version, v), Do: "Close the one that runs first.",
		}})
		return false
	}
	select {
	case <-s.started:
		return true
	case <-r.Context().Done():
		return false
	}
}

// handle serves a command whose body is a T.
func handle[T any](s *server, mux *http.ServeMux, path string, do func(ctx context.Context, body T, w *lines)) {
	mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, r *http.Request) {
		var body T
		if err := json.NewDecoder(io.LimitReader(r.Body, maxCommand)).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if !s.admit(w, r) {
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		out := newLines(w, cancel)
		do(ctx, body, out)
		if s.desk.ctx.Err() != nil {
			out.drop() // what was said last is about the end of the engine: the asker finds another
		}
		out.wait()
	})
}

// preview answers with raw pixels, several megabytes of them.
func (s *server) preview(w http.ResponseWriter, r *http.Request) {
	var c command
	if err := json.NewDecoder(io.LimitReader(r.Body, maxCommand)).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !s.admit(w, r) {
		return
	}
	p, err := s.desk.Preview(r.Context(), c.Job, c.Look)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(line{Problem: event.AsProblem(inWords(err))}) // the asker may have left
		return
	}
	w.Header().Set(widthHeader, strconv.Itoa(p.Width))
	w.Header().Set(heightHeader, strconv.Itoa(p.Height))
	_, _ = w.Write(p.RGBA) // the asker may have left
}

// lines writes an answer line by line, in a goroutine of its own: who puts one
// is the engine at work, and does not wait for a window to read it.
type lines struct {
	cancel context.CancelFunc // ends the conversation

	mu     sync.Mutex
	queue  []line        // guarded by mu
	ended  bool          // guarded by mu
	filled chan struct{} // holds one: the queue has changed
	over   chan struct{} // closed when all is written
}

// maxLines may wait to be read before the reader is given up.
const maxLines = 1 << 16

func newLines(w http.ResponseWriter, cancel context.CancelFunc) *lines {
	l := &lines{cancel: cancel, filled: make(chan struct{}, 1), over: make(chan struct{})}
	go l.write(w) // ended by wait
	return l
}

func (l *lines) put(x line) {
	l.mu.Lock()
	if !l.ended {
		l.queue = append(l.queue, x)
	}
	full := len(l.queue) > maxLines
	l.mu.Unlock()
	if full {
		l.cancel()
		return
	}
	l.wake()
}

func (l *lines) wake() {
	select {
	case l.filled <- struct{}{}:
	default: // it will look anyway
	}
}

func (l *lines) fact(f fog.Fact) {
	data, err := json.Marshal(f)
	if err != nil {
		data = []byte("{}") // a fact is plain data: this cannot be
	}
	l.put(line{Kind: fog.KindOf(f), Fact: data})
}

// end puts the last line.
func (l *lines) end(result any, err error) {
	x := line{Done: err == nil}
	if err != nil {
		x.Problem = event.AsProblem(inWords(err))
	} else if result != nil {
		if x.Result, err = json.Marshal(result); err != nil {
			x = line{Problem: event.AsProblem(err)}
		}
	}
	l.put(x)
}

// drop takes back what is not written yet.
func (l *lines) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue, l.ended = nil, true
}

// wait returns when all is written.
func (l *lines) wait() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.wake()
	<-l.over
}

func (l *lines) write(w http.ResponseWriter) {
	defer close(l.over)
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	for range l.filled {
		l.mu.Lock()
		all, ended := l.queue, l.ended
		l.queue = nil
		l.mu.Unlock()
		for _, x := range all {
			if out.Encode(x) != nil {
				l.cancel() // the asker has left
			}
		}
		_ = flush.Flush() // as above
		if ended {
			return
		}
	}
}
