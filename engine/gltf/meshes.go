package gltf

import (
	"fmt"
	"maps"
	"slices"

	"sonm/engine/gltf/draco"
)

// mesh is a decoded stream and where its parts went.
type mesh struct {
	draco.Mesh
	view   int  // bufferView of the stream, whose place the first part takes
	reused bool // it has been taken
	parts  map[string]part
}

// part is an attribute, or the indices, as a bufferView.
type part struct {
	view, count    int
	component, per int // type of the components, and how many an element has
}

// primitives decodes the meshes that Draco has compressed.
func (u *unpacker) primitives() error {
	for i, m := range u.doc.list("meshes") {
		for k, p := range list(object(m)["primitives"]) {
			primitive := object(p)
			packed := extension(primitive, dracoName)
			if packed == nil {
				continue
			}
			if err := u.primitive(primitive, packed); err != nil {
				return fmt.Errorf("part %d of the scene's mesh %d%s cannot be unpacked: %w", k, i, named(m), err)
			}
			dropExtension(primitive, dracoName)
		}
	}
	return nil
}

// named is a thing's name in brackets, if it has one.
func named(v any) string {
	name := []rune(text(object(v)["name"]))
	if len(name) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%q)", string(name[:min(len(name), 60)]))
}

func (u *unpacker) primitive(primitive, packed map[string]any) error {
	if mode, ok := wholeOr(primitive["mode"], 4); !ok || mode != 4 && mode != 5 {
		return fmt.Errorf("%w: it is drawn in mode %v, and Draco has triangles only", ErrDamaged, primitive["mode"])
	}
	view, ok := whole(packed["bufferView"])
	if !ok {
		return fmt.Errorf("%w: it names no bufferView", ErrDamaged)
	}
	m, err := u.mesh(view)
	if err != nil {
		return err
	}
	attributes, ids := object(primitive["attributes"]), object(packed["attributes"])
	for _, name := range sorted(ids) {
		accessor, there := attributes[name]
		if !there {
			continue
		}
		id, ok := whole(ids[name])
		at := slices.IndexFunc(m.Attributes, func(a draco.Attribute) bool { return int(a.ID) == id })
		if !ok || at < 0 {
			return fmt.Errorf("%w: the Draco data have no attribute %v for %s", ErrDamaged, ids[name], name)
		}
		if attributes[name], err = u.attribute(m, m.Attributes[at], accessor); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	primitive["indices"], err = u.indices(m, primitive["indices"])
	delete(primitive, "mode") // strips, too, were coded as single triangles
	return err
}

func sorted(m map[string]any) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// mesh decodes the stream in a bufferView, once.
func (u *unpacker) mesh(view int) (*mesh, error) {
	if m := u.meshes[view]; m != nil {
		return m, nil
	}
	all := u.doc.list("bufferViews")
	if view >= len(all) {
		return nil, fmt.Errorf("%w: it uses bufferView %d, which does not exist", ErrDamaged, view)
	}
	v := object(all[view])
	buffer, ok1 := whole(v["buffer"])
	offset, ok2 := wholeOr(v["byteOffset"], 0)
	length, ok3 := whole(v["byteLength"])
	if !ok1 || !ok2 || !ok3 {
		return nil, fmt.Errorf("%w: bufferView %d is damaged", ErrDamaged, view)
	}
	data, err := u.slice(buffer, offset, length)
	if err != nil {
		return nil, err
	}
	decoded, err := draco.Decode(data, u.limits(len(data)))
	if err != nil {
		return nil, err
	}
	u.spent[buffer] = true
	u.held += 4 * len(decoded.Faces)
	for _, a := range decoded.Attributes {
		u.held += len(a.Data)
	}
	m := &mesh{Mesh: decoded, view: view, parts: map[string]part{}}
	u.meshes[view] = m
	return m, nil
}

// attribute fills an accessor with an attribute and returns its number.
func (u *unpacker) attribute(m *mesh, a draco.Attribute, accessor any) (any, error) {
	old := u.accessor(accessor)
	to, ok := whole(old["componentType"])
	if !ok || size(to) == 0 {
		to = components[a.Type]
	}
	if a.Components >= len(shapes) {
		return nil, fmt.Errorf("%w: elements of %d numbers", ErrDamaged, a.Components)
	}
	key := fmt.Sprintf("%d as %d", a.ID, to)
	p, done := m.parts[key]
	if !done {
		stride := (a.Components*size(to) + 3) &^ 3 // vertex attributes begin at multiples of four
		if err := u.room(m.Points * stride); err != nil {
			return nil, err
		}
		data, err := convert(a, m.Points, to, stride)
		if err != nil {
			return nil, err
		}
		view := map[string]any{"byteStride": stride, "target": 34962} // ARRAY_BUFFER
		if p.view, err = u.place(m, view, data); err != nil {
			return nil, err
		}
		p.count, p.component, p.per = m.Points, to, a.Components
		m.parts[key] = p
	}
	return u.fill(accessor, p), nil
}

// indices fills an accessor with the triangles and returns its number.
func (u *unpacker) indices(m *mesh, accessor any) (any, error) {
	to, _ := whole(u.accessor(accessor)["componentType"])
	most := map[int]int{glUbyte: 1<<8 - 1, glUshort: 1<<16 - 1} // the last value means a restart
	if last, ok := most[to]; !ok || m.Points > last {
		to = glUint
	}
	key := fmt.Sprintf("indices as %d", to)
	p, done := m.parts[key]
	if !done {
		if err := u.room(len(m.Faces) * size(to)); err != nil {
			return nil, err
		}
		data := make([]byte, 0, len(m.Faces)*size(to))
		for _, f := range m.Faces {
			data = appendInt(data, int64(f), to)
		}
		var err error
		if p.view, err = u.place(m, map[string]any{"target": 34963}, data); err != nil { // ELEMENT_ARRAY_BUFFER
			return nil, err
		}
		p.count, p.component, p.per = len(m.Faces), to, 1
		m.parts[key] = p
	}
	return u.fill(accessor, p), nil
}

func (u *unpacker) accessor(number any) map[string]any {
	all := u.doc.list("accessors")
	if i, ok := whole(number); ok && i < len(all) {
		return object(all[i])
	}
	return nil
}

// place puts data into a bufferView: that of the stream, or a new one.
func (u *unpacker) place(m *mesh, view map[string]any, data []byte) (int, error) {
	if err := u.put(view, data); err != nil {
		return 0, err
	}
	all := u.doc.list("bufferViews")
	if !m.reused {
		m.reused = true
		all[m.view] = view
		return m.view, nil
	}
	u.doc["bufferViews"] = append(all, view)
	return len(all), nil
}

// fill has an accessor show a part. One that shows another already is left, and
// a new one made.
func (u *unpacker) fill(number any, p part) any {
	all := u.doc.list("accessors")
	i, ok := whole(number)
	if ok && i < len(all) && object(all[i]) != nil {
		if has, taken := u.owner[i]; !taken || has == p {
			u.owner[i] = p
			show(object(all[i]), p)
			return number
		}
	}
	fresh := map[string]any{}
	maps.Copy(fresh, u.accessor(number))
	show(fresh, p)
	u.doc["accessors"] = append(all, fresh)
	u.owner[len(all)] = p
	return len(all)
}

func show(accessor map[string]any, p part) {
	delete(accessor, "sparse")
	delete(accessor, "byteOffset")
	accessor["bufferView"], accessor["count"] = p.view, p.count
	accessor["componentType"], accessor["type"] = p.component, shapes[p.per]
}
