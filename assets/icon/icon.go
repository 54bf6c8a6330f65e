// Package icon holds the program's own icon and the line icons of the window.
// All are drawn for SONM; sonm.png is made from sonm.svg.
package icon

import _ "embed" // the files below

// PNG is the program's icon, 256 x 256.
//
//go:embed sonm.png
var PNG []byte

// SVG is the program's icon as drawn.
//
//go:embed sonm.svg
var SVG []byte

// Line icons, 24 x 24, filled shapes that the theme recolours.
var (
	//go:embed home.svg
	Home []byte
	//go:embed render.svg
	Render []byte
	//go:embed drop.svg
	Drop []byte
	//go:embed folder.svg
	Folder []byte
	//go:embed check.svg
	Check []byte
	//go:embed alert.svg
	Alert []byte
)
