package meshopt_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"sonm/engine/gltf/meshopt"
)

// stream is one of testdata/streams.json.
type stream struct {
	Name string
	meshopt.View
	Data, Want []byte
}

func streams(tb testing.TB) []stream {
	tb.Helper()
	b, err := os.ReadFile("testdata/streams.json")
	if err != nil {
		tb.Fatal(err)
	}
	var all []stream
	if err := json.Unmarshal(b, &all); err != nil {
		tb.Fatal(err)
	}
	return all
}

// TestDecodesAsTheReferenceDoes: streams bit for bit; filters that round within
// one unit of the last place, as the extension allows, and the exponential one
// exactly.
func TestDecodesAsTheReferenceDoes(t *testing.T) {
	all := streams(t)
	if len(all) < 80 {
		t.Fatalf("only %d streams", len(all))
	}
	for _, s := range all {
		got, err := meshopt.Decode(s.Data, s.View)
		if err != nil || len(got) != len(s.Want) {
			t.Errorf("%s: %d bytes, %v; want %d", s.Name, len(got), err, len(s.Want))
			continue
		}
		for i, d := range apart(s.View, got, s.Want) {
			if d > tolerance(s.Filter) {
				t.Errorf("%s: component %d is off by %d", s.Name, i, d)
				break
			}
		}
	}
}

func tolerance(filter string) int {
	if filter == "OCTAHEDRAL" || filter == "QUATERNION" || filter == "COLOR" {
		return 1
	}
	return 0
}

// apart is by how much each component differs.
func apart(v meshopt.View, a, b []byte) []int {
	var all []int
	wide := v.Filter != "" && v.Filter != "NONE" && v.Stride == 8
	for i := 0; i < len(a); i++ {
		x, y := int(a[i]), int(b[i])
		if wide {
			x, y = int(binary.LittleEndian.Uint16(a[i:])), int(binary.LittleEndian.Uint16(b[i:]))
			i++
		}
		d := x - y
		if whole := 1 << 8; !wide && (d == whole-1 || d == 1-whole) || wide && (d == 1<<16-1 || d == 1-1<<16) {
			d = 1 // -1 and 0
		}
		all = append(all, max(d, -d))
	}
	return all
}

func TestCutOrLongerStreamsAreRefused(t *testing.T) {
	for _, s := range streams(t) {
		for n := range s.Data {
			if _, err := meshopt.Decode(s.Data[:n], s.View); err != nil && !errors.Is(err, meshopt.ErrDamaged) {
				t.Fatalf("%s cut to %d: %v", s.Name, n, err)
			} else if err == nil {
				t.Fatalf("%s of %d bytes cut to %d was read", s.Name, len(s.Data), n)
			}
		}
		if _, err := meshopt.Decode(append(slices.Clip(s.Data), 0), s.View); s.Mode != "TRIANGLES" && !errors.Is(err, meshopt.ErrDamaged) {
			t.Errorf("%s with a byte more: %v", s.Name, err)
		}
	}
}

func TestViewsThatCannotBeAreRefused(t *testing.T) {
	for _, v := range []meshopt.View{
		{Mode: "", Count: 1, Stride: 4},
		{Mode: "POINTS", Count: 1, Stride: 4},
		{Mode: "ATTRIBUTES", Count: 1, Stride: 3},
		{Mode: "ATTRIBUTES", Count: 1, Stride: 260},
		{Mode: "ATTRIBUTES", Count: 1, Stride: 0},
		{Mode: "ATTRIBUTES", Count: -1, Stride: 4},
		{Mode: "TRIANGLES", Count: 4, Stride: 4},
		{Mode: "TRIANGLES", Count: 3, Stride: 8},
		{Mode: "INDICES", Count: 3, Stride: 1},
		{Mode: "INDICES", Count: 3, Stride: 4, Filter: "OCTAHEDRAL"},
		{Mode: "ATTRIBUTES", Count: 3, Stride: 12, Filter: "OCTAHEDRAL"},
		{Mode: "ATTRIBUTES", Count: 3, Stride: 4, Filter: "QUATERNION"},
		{Mode: "ATTRIBUTES", Count: 3, Stride: 4, Filter: "SHARPEN"},
	} {
		if _, err := meshopt.Decode(make([]byte, 4096), v); !errors.Is(err, meshopt.ErrDamaged) {
			t.Errorf("%+v: %v", v, err)
		}
	}
}

func TestWrongCountsAreRefused(t *testing.T) {
	for _, s := range streams(t) {
		for _, count := range []int{s.Count + 300, s.Count * 2000, 1 << 28} {
			if s.Mode == "TRIANGLES" {
				count -= count % 3
			}
			v := s.View
			v.Count = count
			if _, err := meshopt.Decode(s.Data, v); !errors.Is(err, meshopt.ErrDamaged) {
				t.Errorf("%s with %d elements: %v", s.Name, count, err)
			}
		}
	}
}

func TestChangedBytesDoNoHarm(t *testing.T) {
	seed := uint64(11)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, s := range streams(t) {
		for range 50 {
			data := append([]byte(nil), s.Data...)
			data[random.IntN(len(data))] = byte(random.Uint32())
			got, err := meshopt.Decode(data, s.View)
			if err == nil && len(got) != s.Count*s.Stride || err != nil && !errors.Is(err, meshopt.ErrDamaged) {
				t.Errorf("seed %d, %s: %d bytes, %v", seed, s.Name, len(got), err)
			}
		}
	}
}

func FuzzMeshopt(f *testing.F) {
	for _, s := range streams(f) {
		f.Add(s.Data, s.Mode, s.Filter, s.Count, s.Stride)
	}
	f.Fuzz(func(t *testing.T, data []byte, mode, filter string, count, stride int) {
		v := meshopt.View{Mode: mode, Filter: filter, Count: count, Stride: stride}
		if v.Check() == nil && count > 1<<20/stride {
			return // the caller bounds the product
		}
		got, err := meshopt.Decode(data, v)
		if err == nil && len(got) != count*stride || err != nil && !errors.Is(err, meshopt.ErrDamaged) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
