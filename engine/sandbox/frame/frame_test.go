package frame_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"unicode"
	"unicode/utf8"

	"sonm/engine/sandbox/frame"
)

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := frame.Write(&b, frame.Task, []byte("one "), nil, []byte("two")); err != nil {
		t.Fatal(err)
	}
	h, err := frame.ReadHead(&b)
	if err != nil || h != (frame.Head{Kind: frame.Task, Len: 7}) {
		t.Fatalf("ReadHead = %+v, %v, want a task of 7 bytes", h, err)
	}
	p, err := frame.ReadPayload(&b, h, 7)
	if err != nil || string(p) != "one two" {
		t.Fatalf("ReadPayload = %q, %v", p, err)
	}
	g := frame.Greeting{Parent: 7, Engine: 2, Class: 2, Memory: 1, Output: 2, Input: 3, Life: 4, Module: 5}
	if got, err := frame.ParseGreeting(g.Bytes()); err != nil || got != g || len(g.Bytes()) != frame.HelloSize {
		t.Errorf("greeting came back as %+v, %v", got, err)
	}
	a := frame.Answer{Level: 3, Work: 1 << 60, Memory: 1 << 31}
	got, rest, err := frame.ParseAnswer(append(a.Bytes(), "rest"...))
	if err != nil || got != a || string(rest) != "rest" || len(a.Bytes()) != frame.ReplyHead {
		t.Errorf("answer came back as %+v, %q, %v", got, rest, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":       {},
		"short":         {16, 0, 0},
		"unknown kind":  {9, 0, 0, 0, 0, 0, 0, 0},
		"reserved bits": {16, 1, 0, 0, 0, 0, 0, 0},
	} {
		if h, err := frame.ReadHead(bytes.NewReader(b)); err == nil {
			t.Errorf("ReadHead of %s = %+v, want an error", name, h)
		}
	}
	if _, err := frame.ReadPayload(bytes.NewReader(nil), frame.Head{Len: 11}, 10); !errors.Is(err, frame.ErrTooLong) {
		t.Errorf("11 bytes where 10 are allowed = %v, want %v", err, frame.ErrTooLong)
	}
	if _, err := frame.ReadPayload(bytes.NewReader(make([]byte, 3)), frame.Head{Len: 4}, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("3 bytes of 4 = %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

// TestPromisesCostNothing: a frame that announces much and brings little does
// not take the memory it announced.
func TestPromisesCostNothing(t *testing.T) {
	r := testing.Benchmark(BenchmarkPromise)
	if r.N == 0 {
		t.Fatal("the benchmark did not run")
	}
	if per := r.AllocedBytesPerOp(); per > 4<<20 {
		t.Errorf("a promise of 1 GiB took %d bytes", per)
	}
}

func BenchmarkPromise(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := frame.ReadPayload(bytes.NewReader(make([]byte, 10)), frame.Head{Len: 1 << 30}, 1<<30); err == nil {
			b.Fatal("10 bytes of 1 GiB: no error")
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", " a\nb\t": "a b", "\x1b[2Jx": "?[2Jx", "\xff": "?", "a\u202eb": "a?b", "": "",
	} {
		if got := frame.Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzRead: whatever a child sends, what is read is what was announced and
// allowed, and written again it is the same bytes.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	_ = frame.Write(&b, frame.Reply, frame.Answer{Work: 5}.Bytes(), []byte("payload"))
	f.Add(b.Bytes(), uint16(1000))
	f.Add([]byte{17, 0, 0, 0, 255, 255, 255, 255}, uint16(1000))
	f.Add([]byte{18, 0, 0, 0, 2, 0, 0, 0, 27, 91}, uint16(2))
	f.Fuzz(func(t *testing.T, b []byte, most uint16) {
		r := bytes.NewReader(b)
		for {
			at := len(b) - r.Len()
			h, err := frame.ReadHead(r)
			if err != nil {
				break
			}
			p, err := frame.ReadPayload(r, h, int(most))
			if err != nil {
				break
			}
			if len(p) != int(h.Len) || len(p) > int(most) {
				t.Fatalf("%d bytes of %d, %d allowed", len(p), h.Len, most)
			}
			var again bytes.Buffer
			if err := frame.Write(&again, h.Kind, p); err != nil || !bytes.Equal(again.Bytes(), b[at:len(b)-r.Len()]) {
				t.Fatalf("%x was written again as %x, %v", b[at:len(b)-r.Len()], again.Bytes(), err)
			}
			a, rest, err := frame.ParseAnswer(p)
			if got := append(a.Bytes(), rest...); err == nil && !bytes.Equal(got, p) {
				t.Fatalf("answer %x was written again as %x", p, got)
			}
		}
		text := frame.Text(string(b))
		if len([]rune(text)) > 503 || !utf8.ValidString(text) {
			t.Fatalf("Text gives %d bytes", len(text))
		}
		for _, c := range text {
			if !unicode.IsPrint(c) {
				t.Fatalf("Text lets %q through", c)
			}
		}
	})
}

// FuzzGreeting: a child takes nothing for a greeting but what a broker writes.
func FuzzGreeting(f *testing.F) {
	f.Add(frame.Greeting{Engine: 1}.Bytes())
	f.Add(frame.Greeting{Parent: 7, Engine: 2, Class: 2, Keep: true, Memory: 1, Output: 2, Input: 3, Life: 4, Module: 5}.Bytes())
	f.Add(bytes.Repeat([]byte{1, 0, 0, 0}, frame.HelloSize/4))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := frame.ParseGreeting(b)
		if err == nil && !bytes.Equal(g.Bytes(), b) {
			t.Fatalf("greeting %x was written again as %x", b, g.Bytes())
		}
	})
}
