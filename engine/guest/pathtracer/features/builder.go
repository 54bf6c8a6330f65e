package features

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"slices"
)

// doc is a JSON object of a glTF document.
type doc = map[string]any

// rows are the elements of an accessor.
type rows = [][]float64

// kind is a component type of glTF; normalized kinds hold fractions.
type kind struct {
	code, size int
	normalized bool
}

var (
	f32  = kind{5126, 4, false}
	u8   = kind{5121, 1, false}
	u16  = kind{5123, 2, false}
	u32  = kind{5125, 4, false}
	i8   = kind{5120, 1, false}
	i16  = kind{5122, 2, false}
	u8n  = kind{5121, 1, true}
	u16n = kind{5123, 2, true}
	i8n  = kind{5120, 1, true}
	i16n = kind{5122, 2, true}
)

// encode appends one component; a normalized kind is given the stored number.
func (k kind) encode(out []byte, v float64) []byte {
	switch k.code {
	case 5126:
		return binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
	case 5125:
		return binary.LittleEndian.AppendUint32(out, uint32(v))
	case 5122, 5123:
		return binary.LittleEndian.AppendUint16(out, uint16(int32(v)))
	default:
		return append(out, byte(int32(v)))
	}
}

// builder assembles a document and its only buffer.
type builder struct {
	doc   doc
	data  []byte
	roots []int // nodes of the first scene
}

func newBuilder() *builder {
	return &builder{doc: doc{"asset": doc{"version": "2.0"}, "scene": 0, "scenes": []any{doc{"nodes": []int{}}}}}
}

// stage is a builder with the camera and the sun of the package's stage.
func stage() *builder {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	b.root(b.lamp(doc{"type": "directional", "intensity": 683 * math.Pi}, doc{}))
	return b
}

// add appends to a list at the top of the document and returns the index.
func (b *builder) add(list string, item any) int {
	items, _ := b.doc[list].([]any)
	b.doc[list] = append(items, item)
	return len(items)
}

// list is a JSON array, or none.
func list(v any) []any {
	items, _ := v.([]any)
	return items
}

// item is an object of a list at the top of the document.
func (b *builder) item(list string, n int) doc {
	items, _ := b.doc[list].([]any)
	item, _ := items[n].(doc)
	return item
}

// extensions are those of an item that has some.
func (b *builder) extensions(list string, n int) doc {
	all, _ := b.item(list, n)["extensions"].(doc)
	return all
}

// topExtensions are those of the document.
func (b *builder) topExtensions() doc {
	all, ok := b.doc["extensions"].(doc)
	if !ok {
		all = doc{}
		b.doc["extensions"] = all
	}
	return all
}

func (b *builder) count(key string) int { return len(list(b.doc[key])) }

// use names an extension, and requires it where readers cannot do without.
func (b *builder) use(extension string, required bool) {
	lists := []string{"extensionsUsed"}
	if required {
		lists = append(lists, "extensionsRequired")
	}
	for _, list := range lists {
		names, _ := b.doc[list].([]string)
		if !slices.Contains(names, extension) {
			b.doc[list] = append(names, extension)
		}
	}
}

// view appends bytes to the buffer as a bufferView.
func (b *builder) view(data []byte, more doc) int {
	for len(b.data)%4 != 0 {
		b.data = append(b.data, 0)
	}
	v := doc{"buffer": 0, "byteOffset": len(b.data), "byteLength": len(data)}
	maps.Copy(v, more)
	b.data = append(b.data, data...)
	return b.add("bufferViews", v)
}

var typeNames = map[int]string{1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}

// put stores an accessor; elements of several components begin at multiples
// of four bytes.
func (b *builder) put(k kind, values rows) int {
	width := len(values[0])
	stride := width * k.size
	if width > 1 {
		stride = (stride + 3) / 4 * 4
	}
	data := make([]byte, 0, stride*len(values))
	for i, row := range values {
		for _, v := range row {
			data = k.encode(data, v)
		}
		for width > 1 && len(data) < (i+1)*stride {
			data = append(data, 0)
		}
	}
	more := doc{}
	if stride != width*k.size {
		more["byteStride"] = stride
	}
	return b.accessor(k, values, doc{"bufferView": b.view(data, more)})
}

// accessor describes values that are stored somewhere.
func (b *builder) accessor(k kind, values rows, more doc) int {
	low, high := slices.Clone(values[0]), slices.Clone(values[0])
	for _, row := range values {
		for c, v := range row {
			low[c], high[c] = min(low[c], v), max(high[c], v)
		}
	}
	for c := range low {
		if k == f32 {
			low[c], high[c] = float64(float32(low[c])), float64(float32(high[c]))
		}
	}
	a := doc{"componentType": k.code, "count": len(values), "type": typeNames[len(values[0])], "min": low, "max": high}
	if k.normalized {
		a["normalized"] = true
	}
	maps.Copy(a, more)
	return b.add("accessors", a)
}

// list stores plain numbers, one an element.
func (b *builder) list(k kind, values ...float64) int {
	column := make(rows, len(values))
	for i, v := range values {
		column[i] = []float64{v}
	}
	return b.put(k, column)
}

// node adds a node that is not yet part of the scene.
func (b *builder) node(n doc) int { return b.add("nodes", n) }

// root makes a node part of the scene.
func (b *builder) root(node int) {
	b.roots = append(b.roots, node)
	b.item("scenes", 0)["nodes"] = b.roots
}

func (b *builder) camera(more doc) int {
	ortho := doc{"xmag": 1, "ymag": 1, "znear": 0.1, "zfar": 100}
	maps.Copy(ortho, more)
	return b.add("cameras", doc{"type": "orthographic", "orthographic": ortho})
}

// lamp adds a node with a lamp of its own.
func (b *builder) lamp(light, node doc) int {
	b.use("KHR_lights_punctual", false)
	all := b.topExtensions()
	lights, _ := all["KHR_lights_punctual"].(doc)
	number := len(list(lights["lights"]))
	all["KHR_lights_punctual"] = doc{"lights": append(list(lights["lights"]), light)}
	node["extensions"] = doc{"KHR_lights_punctual": doc{"light": number}}
	return b.node(node)
}

// matte is a material that only scatters, in all directions alike.
func (b *builder) matte(color RGB, more doc) int {
	b.use("KHR_materials_specular", false)
	pbr := doc{"baseColorFactor": []float64{color[0], color[1], color[2], 1}, "metallicFactor": 0}
	m := doc{"pbrMetallicRoughness": pbr, "extensions": doc{"KHR_materials_specular": doc{"specularFactor": 0}}}
	maps.Copy(m, more)
	if inner, ok := more["pbr"].(doc); ok {
		maps.Copy(pbr, inner)
		delete(m, "pbr")
	}
	return b.add("materials", m)
}

// glow is a material that sends out light and reflects none.
func (b *builder) glow(color RGB, more doc) int {
	m := b.matte(RGB{}, more)
	b.item("materials", m)["emissiveFactor"] = []float64{color[0], color[1], color[2]}
	return m
}

// rect are the corners of an upright rectangle at height z.
func rect(x0, y0, x1, y1, z float64) rows {
	return rows{{x0, y0, z}, {x1, y0, z}, {x1, y1, z}, {x0, y1, z}}
}

// The corners of a rectangle as two triangles, and the texture coordinates
// that show a picture upright on it.
var (
	twoTriangles = []float64{0, 1, 2, 0, 2, 3}
	upright      = rows{{0, 1}, {1, 1}, {1, 0}, {0, 0}}
)

// part is a primitive under construction.
type part struct {
	attributes doc
	positions  rows
	material   int
	more       doc
}

// mesh adds a mesh of rectangles.
func (b *builder) mesh(parts ...part) int {
	var primitives []any
	for _, p := range parts {
		if p.attributes == nil {
			p.attributes = doc{}
		}
		if p.positions != nil {
			p.attributes["POSITION"] = b.put(f32, p.positions)
		}
		primitive := doc{"attributes": p.attributes, "material": p.material}
		if len(p.positions) == 4 {
			primitive["indices"] = b.list(u16, twoTriangles...)
		}
		maps.Copy(primitive, p.more)
		primitives = append(primitives, primitive)
	}
	return b.add("meshes", doc{"primitives": primitives})
}

// show adds a mesh to the scene as it stands, in a node with more members.
func (b *builder) show(mesh int, more doc) int {
	n := doc{"mesh": mesh}
	maps.Copy(n, more)
	id := b.node(n)
	b.root(id)
	return id
}

// glb is the finished file.
func (b *builder) glb() []byte {
	for len(b.data)%4 != 0 {
		b.data = append(b.data, 0)
	}
	if len(b.data) > 0 {
		b.doc["buffers"] = []any{doc{"byteLength": len(b.data)}}
	}
	text, err := json.Marshal(b.doc)
	if err != nil {
		panic("features: " + err.Error()) // the documents are made here, of plain values
	}
	for len(text)%4 != 0 {
		text = append(text, ' ')
	}
	chunks := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	chunks = append(append(chunks, "JSON"...), text...)
	if len(b.data) > 0 {
		chunks = binary.LittleEndian.AppendUint32(chunks, uint32(len(b.data)))
		chunks = append(append(chunks, "BIN\x00"...), b.data...)
	}
	out := append([]byte("glTF"), 2, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(chunks)+12))
	return append(out, chunks...)
}

// scene is the finished file as it is rendered by default.
func (b *builder) scene() Scene { return Scene{GLB: b.glb()} }
