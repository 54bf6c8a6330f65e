// Package theme is the look of the window: colours for dark and light, the
// typeface, sizes and corner radii.
//
// The stock look of the toolkit is recognisable at a glance; this one has three
// levels of surface, one accent colour and Inter. Screens ask for colours by
// the names below and never write a colour themselves.
package theme

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"sonm/assets/font"
)

// Colours this theme adds to the toolkit's own.
const (
	Sidebar    fyne.ThemeColorName = "sonm-sidebar"
	Surface    fyne.ThemeColorName = "sonm-surface"
	SurfaceAlt fyne.ThemeColorName = "sonm-surface-alt"
	Border     fyne.ThemeColorName = "sonm-border"
	Muted      fyne.ThemeColorName = "sonm-muted"
)

// Display is the size of a page's title.
const Display fyne.ThemeSizeName = "sonm-display"

// Corner radii, in the toolkit's device-independent pixels.
const (
	CardRadius    = 14
	ControlRadius = 9
)

// Theme is the look in one variant, or in the system's if Follow is set.
type Theme struct {
	Variant fyne.ThemeVariant
	Follow  bool // take the variant the system asks for
	regular fyne.Resource
	bold    fyne.Resource
	dark    palette
	light   palette
}

// New is the look that follows the system's choice of dark or light.
func New() *Theme {
	return &Theme{
		Follow:  true,
		regular: fyne.NewStaticResource("Inter-Regular.otf", font.Regular),
		bold:    fyne.NewStaticResource("Inter-SemiBold.otf", font.SemiBold),
		dark:    dark(),
		light:   light(),
	}
}

// Fixed is the look in one variant, whatever the system asks for.
func Fixed(v fyne.ThemeVariant) *Theme {
	t := New()
	t.Variant, t.Follow = v, false
	return t
}

// Color answers for every name; those of the toolkit that this look leaves
// alone come from the toolkit's theme.
func (t *Theme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	if !t.Follow {
		v = t.Variant
	}
	p := t.dark
	if v == theme.VariantLight {
		p = t.light
	}
	if c, ok := p[n]; ok {
		return c
	}
	return theme.DefaultTheme().Color(n, v)
}

// Font is Inter, except for monospace, italic and symbols.
func (t *Theme) Font(s fyne.TextStyle) fyne.Resource {
	switch {
	case s.Monospace, s.Symbol, s.Italic:
		return theme.DefaultTheme().Font(s)
	case s.Bold:
		return t.bold
	}
	return t.regular
}

// Icon is the toolkit's.
func (t *Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(n) }

// Size answers in device-independent pixels.
func (t *Theme) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case Display:
		return 24
	case theme.SizeNameText:
		return 13
	case theme.SizeNameCaptionText:
		return 11.5
	case theme.SizeNameSubHeadingText:
		return 15
	case theme.SizeNameHeadingText:
		return 20
	case theme.SizeNameInnerPadding, theme.SizeNameScrollBar:
		return 8
	case theme.SizeNameInputRadius, theme.SizeNameSelectionRadius:
		return ControlRadius
	}
	return theme.DefaultTheme().Size(n)
}
