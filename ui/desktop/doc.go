// Package desktop opens the real window. It is the only importer of the
// toolkit's app package, which needs OpenGL and a display; it is built with the
// tag gui only, so that the terminal program and its tests need neither.
package desktop

import "sonm/ui"

// Core is what the window shows and asks: see package ui.
type Core = ui.Core
