package gltf

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
)

// document is the JSON of a scene; numbers keep their text.
type document map[string]any

func parse(b []byte) (document, bool) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var doc document
	if d.Decode(&doc) != nil || doc == nil {
		return nil, false
	}
	_, err := d.Token()
	return doc, err == io.EOF
}

// encode writes members in the order of their names, so that equal documents
// give equal bytes.
func (d document) encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(d) // it came from JSON: it can be written
	return bytes.TrimRight(b.Bytes(), "\n")
}

func (d document) list(member string) []any { return list(d[member]) }

// dropNames removes names from a list, and the list if nothing is left of it.
func (d document) dropNames(member string, names ...string) {
	all, ok := d[member].([]any)
	if !ok {
		return
	}
	all = slices.DeleteFunc(all, func(v any) bool { return slices.Contains(names, text(v)) })
	if d[member] = all; len(all) == 0 {
		delete(d, member)
	}
}

// What is of another kind than it should be counts as absent.

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// whole is a number that counts or points to something.
func whole(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return int(n), n >= 0 && n <= 1<<53
		}
		f, err := v.Float64() // 12.0 and 1e3 are whole, too
		if err == nil && f == math.Trunc(f) && f >= 0 && f <= 1<<53 {
			return int(f), true
		}
	}
	return 0, false
}

// wholeOr is whole of what may be left out.
func wholeOr(v any, absent int) (int, bool) {
	if v == nil {
		return absent, true
	}
	return whole(v)
}

// extension is what an object says in an extension; nil if nothing.
func extension(o map[string]any, name string) map[string]any {
	return object(object(o["extensions"])[name])
}

func dropExtension(o map[string]any, name string) {
	all := object(o["extensions"])
	if _, there := all[name]; !there {
		return
	}
	if delete(all, name); len(all) == 0 {
		delete(o, "extensions")
	}
}
