package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Greeting is the payload of Hello: all the child ever learns of the outside.
type Greeting struct {
	Parent uint32 // process id of the broker
	Engine uint8  // see the child
	Class  uint8  // of scheduling, see package jail
	Keep   bool   // answer a Module with what can be loaded next time
	Memory uint64 // most guest memory, bytes
	Output uint64 // largest payload of a reply, bytes
	Input  uint64 // largest input, bytes
	Life   uint64 // seconds of processor time the child may use in its whole life
	Module uint64 // largest module, bytes
}

// Bytes encodes g in HelloSize bytes.
func (g Greeting) Bytes() []byte {
	b := make([]byte, 0, HelloSize)
	b = binary.LittleEndian.AppendUint32(b, Version)
	b = binary.LittleEndian.AppendUint32(b, g.Parent)
	keep := byte(0)
	if g.Keep {
		keep = 1
	}
	b = append(b, g.Engine, g.Class, keep, 0, 0, 0, 0, 0)
	for _, v := range []uint64{g.Memory, g.Output, g.Input, g.Life, g.Module} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// ParseGreeting decodes a Hello.
func ParseGreeting(b []byte) (Greeting, error) {
	if len(b) != HelloSize {
		return Greeting{}, fmt.Errorf("hello of %d bytes, want %d", len(b), HelloSize)
	}
	if v := binary.LittleEndian.Uint32(b); v != Version {
		return Greeting{}, fmt.Errorf("sandbox protocol %d, this program speaks %d", v, Version)
	}
	u := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	return Greeting{
		Parent: binary.LittleEndian.Uint32(b[4:]), Engine: b[8], Class: b[9], Keep: b[10] == 1,
		Memory: u(16), Output: u(24), Input: u(32), Life: u(40), Module: u(48),
	}, nil
}

// Answer is the fixed part of a Reply.
type Answer struct {
	Level  uint32 // of the jail, a fog.Level
	Work   uint64 // units the guest counted
	Memory uint64 // bytes of guest memory after the call
}

// Bytes encodes a in ReplyHead bytes.
func (a Answer) Bytes() []byte {
	b := make([]byte, 0, ReplyHead)
	b = binary.LittleEndian.AppendUint32(b, a.Level)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, a.Work)
	return binary.LittleEndian.AppendUint64(b, a.Memory)
}

// ParseAnswer splits a Reply into its fixed part and the guest's payload,
// which shares b's memory.
func ParseAnswer(b []byte) (Answer, []byte, error) {
	if len(b) < ReplyHead {
		return Answer{}, nil, fmt.Errorf("reply of %d bytes, want at least %d", len(b), ReplyHead)
	}
	if binary.LittleEndian.Uint32(b[4:]) != 0 {
		return Answer{}, nil, errors.New("reply with reserved bytes set")
	}
	return Answer{
		Level:  binary.LittleEndian.Uint32(b),
		Work:   binary.LittleEndian.Uint64(b[8:]),
		Memory: binary.LittleEndian.Uint64(b[16:]),
	}, b[ReplyHead:], nil
}
