package sandboxtest

import "encoding/binary"

// class is a set of instructions of one type with the same immediates, as
// ranges of opcodes; those of SIMD have 0xfd in the second byte.
type class [][2]uint64

func (c class) has(op uint64) bool {
	for _, r := range c {
		if op >= r[0] && op <= r[1] {
			return true
		}
	}
	return false
}

func (c class) count() int {
	n := 0
	for _, r := range c {
		n += int(r[1] - r[0] + 1)
	}
	return n
}

func (c class) pick(n int) uint64 {
	for _, r := range c {
		if size := int(r[1] - r[0] + 1); n >= size {
			n -= size
			continue
		}
		return r[0] + uint64(n)
	}
	return c[0][0]
}

// vectors are SIMD opcodes.
func vectors(ranges ...[2]uint64) class {
	c := make(class, len(ranges))
	for n, r := range ranges {
		c[n] = [2]uint64{0xfd00 | r[0], 0xfd00 | r[1]}
	}
	return c
}

// alike are instructions that can stand for each other: see the index of
// instructions of the WebAssembly specification.
var alike = []class{
	{{0x46, 0x4f}, {0x6a, 0x78}},                 // i32, i32 -> i32
	{{0x45, 0x45}, {0x67, 0x69}, {0xc0, 0xc1}},   // i32 -> i32
	{{0x7c, 0x8a}},                               // i64, i64 -> i64
	{{0x51, 0x5a}},                               // i64, i64 -> i32
	{{0x79, 0x7b}, {0xc2, 0xc4}},                 // i64 -> i64
	{{0x50, 0x50}, {0xa7, 0xa7}},                 // i64 -> i32
	{{0xac, 0xad}},                               // i32 -> i64
	{{0x8b, 0x91}},                               // f32 -> f32
	{{0x92, 0x98}},                               // f32, f32 -> f32
	{{0x5b, 0x60}},                               // f32, f32 -> i32
	{{0x99, 0x9f}},                               // f64 -> f64
	{{0xa0, 0xa6}},                               // f64, f64 -> f64
	{{0x61, 0x66}},                               // f64, f64 -> i32
	{{0xa8, 0xa9}, {0xbc, 0xbc}},                 // f32 -> i32
	{{0xaa, 0xab}},                               // f64 -> i32
	{{0xae, 0xaf}},                               // f32 -> i64
	{{0xb0, 0xb1}, {0xbd, 0xbd}},                 // f64 -> i64
	{{0xb2, 0xb3}, {0xbe, 0xbe}},                 // i32 -> f32
	{{0xb4, 0xb5}},                               // i64 -> f32
	{{0xb7, 0xb8}},                               // i32 -> f64
	{{0xb9, 0xba}, {0xbf, 0xbf}},                 // i64 -> f64
	{{0x28, 0x28}, {0x2c, 0x2f}},                 // load i32
	{{0x29, 0x29}, {0x30, 0x35}},                 // load i64
	{{0x36, 0x36}, {0x3a, 0x3b}},                 // store i32
	{{0x37, 0x37}, {0x3c, 0x3e}},                 // store i64
	{{0x0c, 0x0d}},                               // not of one type, but often valid
	{{0x00, 0x01}, {0x0f, 0x0f}},                 // neither
	{{0x02, 0x03}},                               // block, loop
	vectors([2]uint64{0, 10}, [2]uint64{92, 93}), // load v128
	vectors([2]uint64{15, 17}),                   // i32 -> v128
	vectors([2]uint64{107, 109}, [2]uint64{139, 141}, [2]uint64{171, 173}, [2]uint64{203, 205}),                   // v128, i32 -> v128
	vectors([2]uint64{83, 83}, [2]uint64{99, 100}, [2]uint64{131, 132}, [2]uint64{163, 164}, [2]uint64{195, 196}), // v128 -> i32
	vectors([2]uint64{77, 77}, [2]uint64{94, 98}, [2]uint64{103, 106}, [2]uint64{116, 117}, [2]uint64{122, 122},
		[2]uint64{124, 129}, [2]uint64{135, 138}, [2]uint64{148, 148}, [2]uint64{160, 161}, [2]uint64{167, 170}, [2]uint64{192, 193},
		[2]uint64{199, 202}, [2]uint64{224, 225}, [2]uint64{227, 227}, [2]uint64{236, 237}, [2]uint64{239, 239}, [2]uint64{248, 255}), // v128 -> v128
	vectors([2]uint64{14, 14}, [2]uint64{35, 76}, [2]uint64{78, 81}, [2]uint64{101, 102}, [2]uint64{110, 115}, [2]uint64{118, 121},
		[2]uint64{123, 123}, [2]uint64{130, 130}, [2]uint64{133, 134}, [2]uint64{142, 147}, [2]uint64{149, 153}, [2]uint64{155, 159},
		[2]uint64{174, 174}, [2]uint64{177, 177}, [2]uint64{181, 186}, [2]uint64{188, 191}, [2]uint64{206, 206}, [2]uint64{209, 209},
		[2]uint64{213, 223}, [2]uint64{228, 235}, [2]uint64{240, 247}), // v128, v128 -> v128
}

// instructions are the places where one begins and where the last one ends, as
// far as the body can be read.
func instructions(body []byte) []int {
	at := 0
	number := func() uint64 {
		n, w := binary.Uvarint(body[min(at, len(body)):])
		if w <= 0 {
			at = len(body) + 1
			return 0
		}
		at += w
		return n
	}
	for groups := number(); groups > 0 && at < len(body); groups-- {
		number()
		at++
	}
	if at > len(body) {
		return nil
	}
	places := []int{at}
	for at < len(body) {
		op := body[at]
		at++
		skip(op, &at, number)
		if at > len(body) {
			break
		}
		places = append(places, at)
	}
	return places
}

// skip passes the immediates of an instruction.
func skip(op byte, at *int, number func() uint64) {
	switch {
	case op == 0x0e || op == 0x1c:
		n := number()
		for range min(n+uint64(btoi(op == 0x0e)), 1<<16) {
			number()
		}
	case op == 0x11, op >= 0x28 && op <= 0x3e:
		number()
		number()
	case op >= 0x02 && op <= 0x04, op == 0x0c, op == 0x0d, op == 0x10, op >= 0x20 && op <= 0x26, op == 0x41, op == 0x42, op == 0xd2:
		number()
	case op == 0x3f, op == 0x40, op == 0xd0:
		*at++
	case op == 0x43:
		*at += 4
	case op == 0x44:
		*at += 8
	case op == 0xfc:
		switch sub := number(); {
		case sub == 8 || sub == 10 || sub == 12 || sub == 14:
			number()
			number()
		case sub > 7:
			number()
		}
	case op == 0xfd:
		switch sub := number(); {
		case sub <= 11 || sub == 92 || sub == 93:
			number()
			number()
		case sub == 12 || sub == 13:
			*at += 16
		case sub >= 21 && sub <= 34:
			*at++
		case sub >= 84 && sub <= 91:
			number()
			number()
			*at++
		}
	}
}
