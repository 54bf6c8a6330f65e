package wasi

import (
	"encoding/binary"
	"math"
)

// The virtual clock starts at 2000-01-01 and moves 1 ms with every look, so
// that a loop that waits for time to pass ends. Times are in nanoseconds since
// 1970; the four clocks of preview 1 show the same.
const (
	clockStart = 946_684_800_000_000_000
	clockStep  = 1_000_000
	clocks     = 4
)

// clock is what has passed since clockStart.
type clock uint64

func (c clock) now() uint64 { return clockStart + uint64(c) }

// pass moves the clock by d, at most to the end of time.
func (c *clock) pass(d uint64) { *c += clock(min(d, math.MaxUint64-c.now())) }

// time is clock_time_get(id, precision, result).
func (w *World) time(mem []byte, a []uint64) Errno {
	if a[0] >= clocks {
		return Inval
	}
	w.clock.pass(clockStep)
	return put64(mem, a[2], w.clock.now())
}

func resolution(mem []byte, a []uint64) Errno {
	if a[0] >= clocks {
		return Inval
	}
	return put64(mem, a[1], clockStep)
}

// Sizes of `subscription` and `event` in bytes.
const (
	subscriptionSize = 48
	eventSize        = 32
	maxSubscriptions = 4096
)

// Values of `eventtype`.
const (
	eventClock = 0
	eventRead  = 1
	eventWrite = 2
)

// poll is poll_oneoff(subscriptions, events, count, result). Streams and files
// are always ready. If only clocks are waited for, the virtual clock is at
// once where the first of them rings.
func (w *World) poll(mem []byte, a []uint64) Errno {
	count := a[2]
	if count == 0 || count > maxSubscriptions {
		return Inval
	}
	in, ok := span(mem, a[0], count*subscriptionSize)
	out, ok2 := span(mem, a[1], count*eventSize)
	if _, ok3 := span(mem, a[3], 4); !ok || !ok2 || !ok3 {
		return Fault
	}
	began := w.clock.now()
	events, first := w.ready(in, began)
	if len(events) == 0 {
		w.clock.pass(first - began)
		events, _ = w.ready(in, began)
	}
	copy(out, events)
	return put32(mem, a[3], uint32(len(events)/eventSize))
}

// ready are the events of the subscriptions that have one now, and when the
// first of the others will, if one was waited for since began.
func (w *World) ready(in []byte, began uint64) (events []byte, first uint64) {
	first = math.MaxUint64
	for ; len(in) > 0; in = in[subscriptionSize:] {
		var e [eventSize]byte
		copy(e[:8], in[:8]) // userdata
		e[10] = in[8]
		switch in[8] {
		case eventClock:
			at, errno := deadline(in, began)
			if errno == Success && at > w.clock.now() {
				first = min(first, at)
				continue
			}
			e[8] = byte(errno)
		case eventRead, eventWrite:
			n, hung, errno := w.waiting(uint64(binary.LittleEndian.Uint32(in[16:])), in[8])
			e[8] = byte(errno)
			binary.LittleEndian.PutUint64(e[16:], n)
			if hung {
				e[24] = 1
			}
		default:
			e[8] = byte(Inval)
		}
		events = append(events, e[:]...)
	}
	return events, first
}

func deadline(sub []byte, began uint64) (uint64, Errno) {
	timeout, flags := binary.LittleEndian.Uint64(sub[24:]), binary.LittleEndian.Uint16(sub[40:])
	if binary.LittleEndian.Uint32(sub[16:]) >= clocks || flags > 1 {
		return 0, Inval
	}
	if flags == 1 {
		return timeout, Success
	}
	return began + min(timeout, math.MaxUint64-began), Success
}

// waiting is how many bytes fd has for an event and whether those are the last.
func (w *World) waiting(fd uint64, event byte) (n uint64, hung bool, errno Errno) {
	need := pollReadWrite | fdWrite
	if event == eventRead {
		need = pollReadWrite | fdRead
	}
	d, errno := w.may(fd, need)
	switch {
	case errno != Success:
		return 0, false, errno
	case event == eventWrite:
		return 1 << 16, false, Success // as much as a pipe takes
	case d.kind == device:
		n = uint64(len(w.config.Stdin) - w.read)
		return n, n == 0, Success
	default:
		size := uint64(len(d.node.data))
		return size - min(size, d.offset), false, Success
	}
}
