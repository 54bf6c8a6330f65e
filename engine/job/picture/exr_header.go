package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds on what a header may claim; real files stay far below.
const (
	maxAttributes = 4096
	maxChannels   = 1024
	maxName       = 255 // bytes, OpenEXR's long names
)

var errTruncated = errors.New("the file is cut off")

// channel is one plane of a line.
type channel struct {
	name   string
	kind   uint32
	offset int // bytes before it in a line one pixel wide
}

// header is what is needed of one part.
type header struct {
	w, h        int64
	y0          int64 // first line of the data window
	compression byte
	multipart   bool // blocks begin with the number of their part
	stride      int  // bytes of one pixel over all channels
	rgb         [3]channel
	all         []channel
	note        Note
}

// readHeaders reads the first part's header and returns the place of its
// offset table.
func readHeaders(b []byte) (h header, table int, err error) {
	if len(b) < 8 || binary.LittleEndian.Uint32(b) != exrMagic {
		return h, 0, errors.New("it is not an OpenEXR file")
	}
	v := binary.LittleEndian.Uint32(b[4:])
	if v&0xff != exrVersion || v&^(0xff|flagLongNames|flagMultipart) != 0 {
		return h, 0, fmt.Errorf("kind %#x, only scan lines of version 2 are read", v)
	}
	attrs, rest, err := readAttributes(b[8:])
	if err != nil {
		return h, 0, err
	}
	multipart := v&flagMultipart != 0
	for more := multipart; more; { // skip the other parts' headers, up to the empty one
		var other map[string][]byte
		if other, rest, err = readAttributes(rest); err != nil {
			return h, 0, err
		}
		more = len(other) > 0
	}
	if t, ok := attrs["type"]; ok && string(bytes.TrimRight(t, "\x00")) != "scanlineimage" {
		return h, 0, fmt.Errorf("a part of type %q, only scan lines are read", t)
	}
	h, err = parseHeader(attrs)
	h.multipart = multipart
	return h, len(b) - len(rest), err
}

// readAttributes reads one header: attributes up to an empty name.
func readAttributes(b []byte) (map[string][]byte, []byte, error) {
	attrs := map[string][]byte{}
	for range maxAttributes {
		name, rest, err := cutName(b)
		if err != nil {
			return nil, nil, err
		}
		if name == "" {
			return attrs, rest, nil
		}
		if _, rest, err = cutName(rest); err != nil {
			return nil, nil, err
		}
		if len(rest) < 4 {
			return nil, nil, errTruncated
		}
		n := binary.LittleEndian.Uint32(rest)
		if uint64(n) > uint64(len(rest)-4) {
			return nil, nil, errTruncated
		}
		attrs[name], b = rest[4:4+n], rest[4+n:]
	}
	return nil, nil, errors.New("the header has no end")
}

// cutName reads a zero-terminated name.
func cutName(b []byte) (string, []byte, error) {
	i := bytes.IndexByte(b[:min(len(b), maxName+1)], 0)
	if i < 0 {
		return "", nil, errTruncated
	}
	return string(b[:i]), b[i+1:], nil
}

func parseHeader(attrs map[string][]byte) (header, error) {
	win, comp := attrs["dataWindow"], attrs["compression"]
	if len(win) != 16 || len(comp) != 1 {
		return header{}, errors.New("the header lacks its window or compression")
	}
	h := header{compression: comp[0]}
	if c := comp[0]; c != compressNone && c != compressZIPS && c != compressZIP {
		return header{}, fmt.Errorf("compression %d, only none and ZIP are read", c)
	}
	edge := func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(win[4*i:]))) }
	h.y0, h.w, h.h = edge(1), edge(2)-edge(0)+1, edge(3)-edge(1)+1
	if err := checkSize(h.w, h.h); err != nil {
		return header{}, err
	}
	channels, stride, err := parseChannels(attrs["channels"])
	if err != nil {
		return header{}, err
	}
	h.stride, h.all, h.note = stride, channels, noteOf(attrs)
	h.rgb, err = pickRGB(channels)
	return h, err
}

// noteOf reads the attributes that EncodeEXR writes.
func noteOf(attrs map[string][]byte) Note {
	number := func(name string) int {
		if b := attrs[name]; len(b) == 4 {
			return int(int32(binary.LittleEndian.Uint32(b)))
		}
		return 0
	}
	return Note{
		Software: string(attrs["software"]), Film: string(attrs[attrFilm]),
		Samples: number(attrSamples), Denoised: number(attrDenoised) != 0,
	}
}

// layers makes room for the layers of so many pixels, if the file has all of
// them, and says which channels go where.
func (h header) layers(pixels int) (*Layers, []wanted, error) {
	l := &Layers{Albedo: make([]float32, 3*pixels), Normal: make([]float32, 3*pixels), Depth: make([]float32, pixels)}
	var want []wanted
	for _, c := range l.bands() {
		i := slices.IndexFunc(h.all, func(x channel) bool { return x.name == c.name })
		if i < 0 {
			return nil, nil, nil
		}
		if h.all[i].kind == pixelUint {
			return nil, nil, fmt.Errorf("channel %q is in whole numbers", c.name)
		}
		want = append(want, wanted{h.all[i], c.pix, c.step})
	}
	return l, want, nil
}

// parseChannels reads the channel list, which is in file order.
func parseChannels(b []byte) (list []channel, stride int, err error) {
	for range maxChannels {
		name, rest, err := cutName(b)
		if err != nil {
			return nil, 0, err
		}
		if name == "" {
			return list, stride, nil
		}
		if len(rest) < 16 {
			return nil, 0, errTruncated
		}
		word := func(i int) uint32 { return binary.LittleEndian.Uint32(rest[4*i:]) }
		if word(2) != 1 || word(3) != 1 {
			return nil, 0, fmt.Errorf("channel %q has lines or columns left out", name)
		}
		c := channel{name: name, kind: word(0), offset: stride}
		switch c.kind {
		case pixelHalf:
			stride += 2
		case pixelFloat, pixelUint:
			stride += 4
		default:
			return nil, 0, fmt.Errorf("channel %q is of kind %d", name, c.kind)
		}
		list, b = append(list, c), rest[16:]
	}
	return nil, 0, fmt.Errorf("more than %d channels", maxChannels)
}

// pickRGB finds the colour among the channels.
func pickRGB(list []channel) ([3]channel, error) {
	byName := make(map[string]channel, len(list))
	layers := []string{""} // prefixes to try, best first
	for _, c := range list {
		byName[c.name] = c
		if p, ok := strings.CutSuffix(c.name, "Combined.R"); ok {
			layers = append(layers[:1], append([]string{p + "Combined."}, layers[1:]...)...)
		} else if p, ok := strings.CutSuffix(c.name, ".R"); ok {
			layers = append(layers, p+".")
		}
	}
	for _, p := range layers {
		r, okR := byName[p+"R"]
		g, okG := byName[p+"G"]
		b, okB := byName[p+"B"]
		if !okR || !okG || !okB {
			continue
		}
		if r.kind == pixelUint || g.kind == pixelUint || b.kind == pixelUint {
			return [3]channel{}, errors.New("the colour is in whole numbers")
		}
		return [3]channel{r, g, b}, nil
	}
	return [3]channel{}, errors.New("there are no channels R, G, B")
}
