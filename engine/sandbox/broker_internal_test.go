package sandbox

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
	"unicode"

	"sonm/engine/sandbox/frame"
)

// FuzzBroker: whatever bytes a child that was taken over writes, the broker's
// reader ends, keeps to the limits and shows a person nothing but clean text.
func FuzzBroker(f *testing.F) {
	reply := func(parts ...[]byte) []byte {
		var b bytes.Buffer
		_ = frame.Write(&b, frame.Reply, parts...)
		return b.Bytes()
	}
	with := func(k frame.Kind, payload string, rest ...byte) []byte {
		var b bytes.Buffer
		_ = frame.Write(&b, k, []byte(payload))
		return append(b.Bytes(), rest...)
	}
	good := reply(frame.Answer{Level: 3, Work: 5, Memory: 1 << 16}.Bytes(), []byte("payload"))
	f.Add(good)
	f.Add(with(frame.Log, "guest\x1b[2J wrote", good...))
	f.Add(with(frame.Log, "", with(frame.Log, "", good...)...))
	f.Add(with(frame.Fail, "\x03\x00out of bounds"))
	f.Add(with(frame.Fail, "\x0b\x01\xff\u202e"))
	f.Add(with(frame.Fail, "\x63\x00x"))
	f.Add(with(frame.Task, "x"))
	f.Add(reply(frame.Answer{Memory: 1 << 40}.Bytes()))
	f.Add(good[:len(good)-3])
	lim := Limits{Memory: 1 << 20, Output: 4096}.withDefaults()
	f.Fuzz(func(t *testing.T, b []byte) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = w.Write(b) // the reader may have had enough
			w.Close()
		})
		a, err := (&child{out: r}).read(lim)
		r.Close()
		wg.Wait()
		if len(a.payload) > lim.Output || a.memory > lim.Memory || len(a.guest) > frame.MaxText {
			t.Errorf("answer of %d bytes, %d bytes of memory, %d of text", len(a.payload), a.memory, len(a.guest))
		}
		clean(t, a.guest)
		e, ok := errors.AsType[*Error](err)
		switch {
		case ok && !e.Kind.Valid():
			t.Errorf("%v is of no valid kind", err)
		case ok:
			clean(t, e.Msg)
		case err == nil && a.gone:
			t.Error("an answer from a child that is gone")
		}
	})
}

// clean fails if a person should not see text.
func clean(t *testing.T, text string) {
	t.Helper()
	for _, c := range text {
		if !unicode.IsPrint(c) {
			t.Errorf("%q in what a person sees", c)
		}
	}
}
