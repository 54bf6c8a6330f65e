// Package font holds the typeface of the desktop program, Inter in two
// weights, so that the window looks the same on every machine. It is under the
// SIL Open Font License, whose text lies beside the files (OFL.txt).
package font

import _ "embed" // the two files below

// Regular is Inter Regular as an OpenType file.
//
//go:embed Inter-Regular.otf
var Regular []byte

// SemiBold is Inter SemiBold as an OpenType file, for headings and buttons.
//
//go:embed Inter-SemiBold.otf
var SemiBold []byte
