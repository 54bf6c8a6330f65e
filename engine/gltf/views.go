package gltf

import (
	"fmt"

	"sonm/engine/gltf/meshopt"
)

// views decodes the bufferViews that meshopt has compressed, each in its place.
func (u *unpacker) views() error {
	for i, v := range u.doc.list("bufferViews") {
		view := object(v)
		for _, name := range []string{meshoptKHR, meshoptEXT} {
			packed := extension(view, name)
			if packed == nil {
				continue
			}
			if err := u.view(view, packed); err != nil {
				return fmt.Errorf("the scene's bufferView %d cannot be unpacked: %w", i, err)
			}
			dropExtension(view, meshoptKHR)
			dropExtension(view, meshoptEXT)
		}
	}
	return nil
}

func (u *unpacker) view(view, packed map[string]any) error {
	buffer, ok1 := whole(packed["buffer"])
	offset, ok2 := wholeOr(packed["byteOffset"], 0)
	length, ok3 := whole(packed["byteLength"])
	count, ok4 := whole(packed["count"])
	stride, ok5 := whole(packed["byteStride"])
	size, ok6 := whole(view["byteLength"])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 {
		return fmt.Errorf("%w: a number is missing or none", ErrDamaged)
	}
	kind := meshopt.View{Mode: text(packed["mode"]), Filter: text(packed["filter"]), Count: count, Stride: stride}
	if err := kind.Check(); err != nil {
		return err
	}
	if count > u.limit/stride {
		return u.room(u.limit + 1)
	}
	if size != count*stride {
		return fmt.Errorf("%w: it claims %d bytes and %d elements of %d", ErrDamaged, size, count, stride)
	}
	if err := u.room(size); err != nil {
		return err
	}
	data, err := u.slice(buffer, offset, length)
	if err != nil {
		return err
	}
	plain, err := meshopt.Decode(data, kind)
	if err != nil {
		return err
	}
	u.spent[buffer] = true
	if stands, ok := whole(view["buffer"]); ok {
		u.spent[stands] = true
	}
	return u.put(view, plain)
}

// put makes a view one of the new buffer.
func (u *unpacker) put(view map[string]any, data []byte) error {
	at, err := u.add(data)
	if err != nil {
		return err
	}
	view["buffer"], view["byteOffset"], view["byteLength"] = u.fresh, at, len(data)
	return nil
}
