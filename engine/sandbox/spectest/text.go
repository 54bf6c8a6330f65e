package spectest

import (
	"encoding/hex"
	"regexp"
)

// named is the only form of text there is a binary for: a function of no
// type whose export's name is written in bytes.
var named = regexp.MustCompile(`^\(func \(export "((?:\\[0-9a-f]{2})*)"\)\)\s*$`)

var escapes = regexp.MustCompile(`\\`)

// assemble gives the binary of a text that is such a function.
func assemble(text []byte) ([]byte, bool) {
	m := named.FindSubmatch(text)
	if m == nil {
		return nil, false
	}
	name, err := hex.DecodeString(string(escapes.ReplaceAll(m[1], nil)))
	if err != nil {
		return nil, false
	}
	return join([]section{
		{typeSection, vector(signature{}.bytes())},
		{functionSection, vector([]byte{0})},
		{exportSection, vector(export{string(name), funcKind, 0}.bytes())},
		{codeSection, vector(sized([]byte{0, 0x0b}))},
	}), true
}
