package theme_test

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	fynetheme "fyne.io/fyne/v2/theme"

	"sonm/ui/theme"
)

// luminance and contrast are WCAG 2.1's.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	lin := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

func contrast(a, b color.Color) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func TestTextCanBeRead(t *testing.T) {
	inks := []fyne.ThemeColorName{fynetheme.ColorNameForeground, theme.Muted, fynetheme.ColorNameSuccess, fynetheme.ColorNameWarning, fynetheme.ColorNameError}
	grounds := []fyne.ThemeColorName{fynetheme.ColorNameBackground, theme.Sidebar, theme.Surface, theme.SurfaceAlt}
	for name, v := range map[string]fyne.ThemeVariant{"dark": fynetheme.VariantDark, "light": fynetheme.VariantLight} {
		th := theme.Fixed(v)
		for _, ink := range inks {
			for _, ground := range grounds {
				if c := contrast(th.Color(ink, v), th.Color(ground, v)); c < 4.5 {
					t.Errorf("%s: %s on %s has contrast %.2f, want 4.5", name, ink, ground, c)
				}
			}
		}
	}
}

func TestVariant(t *testing.T) {
	n := fynetheme.ColorNameBackground
	if theme.New().Color(n, fynetheme.VariantDark) == theme.New().Color(n, fynetheme.VariantLight) {
		t.Error("the theme does not follow the system")
	}
	if got := theme.Fixed(fynetheme.VariantDark).Color(n, fynetheme.VariantLight); got != theme.New().Color(n, fynetheme.VariantDark) {
		t.Errorf("a fixed dark theme is %v when the system is light", got)
	}
}

func TestFonts(t *testing.T) {
	th := theme.New()
	if th.Font(fyne.TextStyle{}).Name() != "Inter-Regular.otf" || th.Font(fyne.TextStyle{Bold: true}).Name() != "Inter-SemiBold.otf" {
		t.Error("text is not set in Inter")
	}
	if th.Font(fyne.TextStyle{Monospace: true}).Name() == "Inter-Regular.otf" {
		t.Error("monospace is set in Inter")
	}
}
