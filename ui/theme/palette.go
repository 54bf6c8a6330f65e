package theme

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

type palette map[fyne.ThemeColorName]color.Color

// rgb is 0xRRGGBB, opaque.
func rgb(v uint32) color.NRGBA { return rgba(v, 0xff) }

func rgba(v uint32, alpha uint8) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16 & 0xff), G: uint8(v >> 8 & 0xff), B: uint8(v & 0xff), A: alpha}
}

// Text on its surface has a contrast of at least 4.5 in both (the test counts).
func dark() palette {
	return palette{
		Sidebar:                            rgb(0x12161D),
		Surface:                            rgb(0x171C24),
		SurfaceAlt:                         rgb(0x202732),
		Border:                             rgb(0x262E3A),
		Muted:                              rgb(0x98A2B3),
		theme.ColorNameBackground:          rgb(0x0E1116),
		theme.ColorNameForeground:          rgb(0xE9EDF3),
		theme.ColorNamePlaceHolder:         rgb(0x98A2B3),
		theme.ColorNameDisabled:            rgb(0x5E6878),
		theme.ColorNamePrimary:             rgb(0x5B8CFF),
		theme.ColorNameForegroundOnPrimary: rgb(0xFFFFFF),
		theme.ColorNameButton:              rgb(0x202732),
		theme.ColorNameHover:               rgba(0xFFFFFF, 0x0E),
		theme.ColorNamePressed:             rgba(0xFFFFFF, 0x1A),
		theme.ColorNameSeparator:           rgb(0x262E3A),
		theme.ColorNameInputBackground:     rgb(0x12161D),
		theme.ColorNameInputBorder:         rgb(0x2C3543),
		theme.ColorNameOverlayBackground:   rgb(0x171C24),
		theme.ColorNameMenuBackground:      rgb(0x1B212B),
		theme.ColorNameSuccess:             rgb(0x22D3A6),
		theme.ColorNameWarning:             rgb(0xF5A524),
		theme.ColorNameError:               rgb(0xFF6B8A),
		theme.ColorNameShadow:              rgba(0x000000, 0x70),
		theme.ColorNameSelection:           rgba(0x5B8CFF, 0x40),
		theme.ColorNameFocus:               rgba(0x5B8CFF, 0xB0),
		theme.ColorNameScrollBar:           rgba(0xFFFFFF, 0x30),
	}
}

func light() palette {
	return palette{
		Sidebar:                            rgb(0xFFFFFF),
		Surface:                            rgb(0xFFFFFF),
		SurfaceAlt:                         rgb(0xEEF1F6),
		Border:                             rgb(0xE1E6EE),
		Muted:                              rgb(0x566175),
		theme.ColorNameBackground:          rgb(0xF5F7FA),
		theme.ColorNameForeground:          rgb(0x131820),
		theme.ColorNamePlaceHolder:         rgb(0x566175),
		theme.ColorNameDisabled:            rgb(0x98A1B1),
		theme.ColorNamePrimary:             rgb(0x2F66F0),
		theme.ColorNameForegroundOnPrimary: rgb(0xFFFFFF),
		theme.ColorNameButton:              rgb(0xEEF1F6),
		theme.ColorNameHover:               rgba(0x0B1B3A, 0x0C),
		theme.ColorNamePressed:             rgba(0x0B1B3A, 0x18),
		theme.ColorNameSeparator:           rgb(0xE1E6EE),
		theme.ColorNameInputBackground:     rgb(0xFFFFFF),
		theme.ColorNameInputBorder:         rgb(0xCFD6E2),
		theme.ColorNameOverlayBackground:   rgb(0xFFFFFF),
		theme.ColorNameMenuBackground:      rgb(0xFFFFFF),
		theme.ColorNameSuccess:             rgb(0x0B7D60),
		theme.ColorNameWarning:             rgb(0x9A5B00),
		theme.ColorNameError:               rgb(0xC2164A),
		theme.ColorNameShadow:              rgba(0x0B1B3A, 0x1C),
		theme.ColorNameSelection:           rgba(0x2F66F0, 0x30),
		theme.ColorNameFocus:               rgba(0x2F66F0, 0xB0),
		theme.ColorNameScrollBar:           rgba(0x0B1B3A, 0x30),
	}
}
