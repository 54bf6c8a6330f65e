package host

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/frame"
	"sonm/engine/sandbox/gate"
)

// replyHead is the fixed part of a guest's reply: u32 status, u32 zero, u64
// work units, little-endian.
const replyHead = 16

// call calls an export. A guest that stops with its memory all but used up
// most likely stopped because of that, and a person is told so.
func (s *server) call(ctx context.Context, name string, args ...uint64) (uint64, error) {
	v, err := s.engine.Call(ctx, name, args...)
	if e, ok := errors.AsType[*sandbox.Error](err); ok && e.Kind == sandbox.Trap {
		const near = 16 // parts of the maximum; allocators ask for more than a page
		if s.exhausted() {
			return 0, sandbox.Errorf(sandbox.LimitStack, "the guest's calls went deeper than %d KiB of stack", gate.StackBudget>>10)
		}
		if strings.Contains(e.Msg, "call stack exhausted") || strings.Contains(e.Msg, "stack overflow") {
			// What the engine keeps in a frame can outweigh any estimate.
			return 0, sandbox.Errorf(sandbox.Unsupported, "the engine's own stack ended before the guest's budget did")
		}
		used, most := uint64(len(s.engine.Memory())), s.guest.MemoryMax
		if most > s.guest.MemoryMin && used > most-max(most/near, gate.PageSize) {
			return 0, sandbox.Errorf(sandbox.LimitMemory, "the guest used up its %d MiB of memory (%s)", most>>20, e.Msg)
		}
	}
	return v, err
}

// exhausted reports whether the guest stopped because of its stack: what the
// gate has it count is below zero then.
func (s *server) exhausted() bool {
	g, err := s.engine.Globals()
	return err == nil && int32(uint32(g[len(g)-1])) < 0
}

// ask makes one of the three calls and checks every word of the reply.
func (s *server) ask(ctx context.Context, name string, ptr, n uint32) (reply, error) {
	v, err := s.call(ctx, name, uint64(ptr), uint64(n))
	if err != nil {
		return reply{}, err
	}
	mem := s.engine.Memory()
	at, size := v>>32, v&0xffffffff
	if size < replyHead {
		return reply{}, sandbox.Errorf(sandbox.Invalid, "the guest's reply has %d bytes, want at least %d", size, replyHead)
	}
	if at+size > uint64(len(mem)) {
		return reply{}, sandbox.Errorf(sandbox.Invalid, "the guest's reply lies outside its memory")
	}
	if size-replyHead > s.limits.Output {
		return reply{}, sandbox.Errorf(sandbox.LimitOutput, "the guest's reply has %d bytes, %d are allowed", size-replyHead, s.limits.Output)
	}
	b := mem[at : at+size]
	status, zero := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	payload := b[replyHead:]
	switch {
	case zero != 0 || status > 1:
		return reply{}, sandbox.Errorf(sandbox.Invalid, "the guest's reply has status %d, %d, which mean nothing", status, zero)
	case status == 1 && len(payload) == 0:
		return reply{}, sandbox.Errorf(sandbox.Refused, "the guest refused without a reason")
	case status == 1:
		return reply{}, sandbox.Errorf(sandbox.Refused, "%s", payload[:min(len(payload), frame.MaxText)])
	}
	return reply{work: binary.LittleEndian.Uint64(b[8:]), payload: payload}, nil
}

// answer sends what the guest wrote, if anything, and the reply or the
// failure. A failure that is not the guest's ends the process.
func (s *server) answer(r reply, callErr error) error {
	if w := s.world.Written(); len(w) > 0 {
		if err := frame.Write(s.out, frame.Log, w); err != nil {
			return err
		}
		s.world.Forget()
	}
	if callErr == nil {
		a := frame.Answer{Level: uint32(s.level), Work: r.work, Memory: s.memory()}
		return frame.Write(s.out, frame.Reply, a.Bytes(), r.payload)
	}
	e, ok := errors.AsType[*sandbox.Error](callErr)
	if !ok {
		return callErr
	}
	fixed := []byte{byte(e.Kind), 0}
	if s.engine != nil && s.engine.Spent() {
		fixed[1] = 1
	}
	text := frame.Text(e.Msg)
	return frame.Write(s.out, frame.Fail, fixed, []byte(text[:min(len(text), frame.MaxText)]))
}

// memory is the size of the present instance's memory, 0 before the first.
func (s *server) memory() uint64 {
	if !s.called {
		return 0
	}
	return uint64(len(s.engine.Memory()))
}
