// Package gltf unpacks glTF 2.0 scenes: what KHR_draco_mesh_compression,
// EXT_meshopt_compression and KHR_meshopt_compression have compressed becomes
// plain buffers, which every reader of glTF understands.
//
// It runs on the buyer's side before a scene is inspected. It changes nothing
// else: members that it does not know stay, and a scene without those extensions
// comes back as it went in, sound or not. The same input gives the same bytes,
// for jobs are recognised by the hash of theirs.
//
// # Why
//
// The renderer could decode by itself. Then every seller would do so for every
// task, from bytes of strangers, in code that has no garbage collector; here it
// is done once, by whom the scene belongs to, in Go.
package gltf

import (
	"bytes"
	"errors"
	"fmt"

	"sonm/engine/gltf/draco"
)

const (
	dracoName    = "KHR_draco_mesh_compression"
	meshoptEXT   = "EXT_meshopt_compression"
	meshoptKHR   = "KHR_meshopt_compression"
	maxJSON      = 256 << 20 // bytes; a tree of it takes about ten times as much
	plainFile    = "unpacked.bin"
	leastFaces   = 1 << 20 // triangles that any stream may claim
	mostFaces    = 1 << 25 // and that none may
	facesPerByte = 1 << 12 // of a stream; a flat grid has some hundred
)

// ErrDamaged is wrapped by every refusal of a scene.
var ErrDamaged = errors.New("the scene is damaged")

// Open reads a file that the scene names, relative to the scene's folder.
type Open func(name string) ([]byte, error)

// Scene is what Unpack made.
type Scene struct {
	File  []byte // the .glb or .gltf
	Plain string // name of a new file beside it; "" if nothing was compressed
	Data  []byte // of that file
}

// Unpack decodes what is compressed in a .glb or .gltf, at most limit bytes of
// it. Errors are one sentence without its capital and its full stop; those of
// open come back wrapped.
func Unpack(file []byte, open Open, limit int) (Scene, error) {
	c, ok := split(file)
	if !ok || !compressed(c.json) || len(c.json) > maxJSON {
		return Scene{File: file}, nil // what is no glTF at all is for the renderer to say
	}
	doc, ok := parse(c.json)
	if !ok {
		return Scene{File: file}, nil
	}
	u := &unpacker{doc: doc, binary: c.binary, open: open, limit: limit, meshes: map[int]*mesh{}, owner: map[int]part{}}
	u.begin()
	for _, step := range []func() error{u.views, u.primitives} {
		if err := step(); err != nil {
			return Scene{}, err
		}
	}
	keep := u.finish()
	if !keep {
		c.binary = nil
	}
	out := Scene{File: c.join(doc.encode()), Plain: u.plainName, Data: u.plain}
	if len(u.plain) == 0 {
		out.Plain = ""
	}
	return out, nil
}

func compressed(text []byte) bool {
	for _, name := range []string{dracoName, meshoptEXT, meshoptKHR} {
		if bytes.Contains(text, []byte(name)) {
			return true
		}
	}
	return false
}

// unpacker is a scene on its way.
type unpacker struct {
	doc    document
	binary []byte // chunk of a .glb; nil if there is none
	open   Open
	limit  int

	plainName string
	plain     []byte         // of the new buffer
	fresh     int            // number of the new buffer
	buffers   map[int][]byte // read so far
	spent     map[int]bool   // buffers that held or stood for compressed data
	held      int            // bytes of meshes
	meshes    map[int]*mesh  // decoded, by their bufferView
	owner     map[int]part   // what an accessor is filled with
}

// begin gives the new buffer its number and a name that nothing else has.
func (u *unpacker) begin() {
	u.buffers, u.spent = map[int][]byte{}, map[int]bool{}
	u.fresh = len(u.doc.list("buffers"))
	used := map[string]bool{}
	for _, member := range []string{"buffers", "images"} {
		for _, v := range u.doc.list(member) {
			used[text(object(v)["uri"])] = true
		}
	}
	u.plainName = plainFile
	for used[u.plainName] {
		u.plainName = "_" + u.plainName
	}
}

// add puts bytes into the new buffer, at a multiple of four.
func (u *unpacker) add(b []byte) (at int, err error) {
	for len(u.plain)%4 != 0 {
		u.plain = append(u.plain, 0)
	}
	if err := u.room(len(b)); err != nil {
		return 0, err
	}
	at = len(u.plain)
	u.plain = append(u.plain, b...)
	return at, nil
}

// room refuses n more bytes than there may be.
func (u *unpacker) room(n int) error {
	if n < 0 || n > u.limit-len(u.plain) {
		return fmt.Errorf("%w: unpacked it has more than the %d MB that fit", ErrDamaged, u.limit>>20)
	}
	return nil
}

// finish takes the extensions off, drops the buffers that nothing refers to any
// more, and adds the new one. keep says that the binary chunk is still of use.
func (u *unpacker) finish() (keep bool) {
	for _, member := range []string{"extensionsUsed", "extensionsRequired"} {
		u.doc.dropNames(member, dracoName, meshoptEXT, meshoptKHR)
	}
	buffers := u.doc.list("buffers")
	used := map[int]bool{}
	for _, v := range u.doc.list("bufferViews") {
		if n, ok := whole(object(v)["buffer"]); ok {
			used[n] = true
		}
	}
	var left []any
	moved := map[int]int{}
	for i, b := range buffers {
		if u.spent[i] && !used[i] {
			continue
		}
		dropExtension(object(b), meshoptEXT)
		dropExtension(object(b), meshoptKHR)
		moved[i] = len(left)
		left = append(left, b)
	}
	if len(u.plain) > 0 {
		moved[u.fresh] = len(left)
		left = append(left, map[string]any{"byteLength": len(u.plain), "uri": u.plainName})
	}
	if len(left) > 0 {
		u.doc["buffers"] = left
	} else {
		delete(u.doc, "buffers")
	}
	for _, v := range u.doc.list("bufferViews") {
		if n, ok := whole(object(v)["buffer"]); ok {
			if to, ok := moved[n]; ok {
				object(v)["buffer"] = to
			}
		}
	}
	_, keep = moved[0]
	return keep
}

// limits of the mesh in a stream of n bytes: all meshes are held until the end,
// with attributes that nothing asks for, too.
func (u *unpacker) limits(n int) draco.Limits {
	return draco.Limits{Faces: min(max(n*facesPerByte, leastFaces), mostFaces), Bytes: u.limit - u.held}
}
