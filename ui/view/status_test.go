package view_test

import (
	"regexp"
	"strings"
	"testing"

	"sonm/ui/view"
)

func TestStatus(t *testing.T) {
	part := func(file string, found bool) view.Part { return view.Part{Name: "x", File: file, Found: found} }
	for _, c := range []struct {
		name            string
		parts           []view.Part
		summary, advice string
	}{
		{"none missing", []view.Part{part("a", true)}, "Everything is in place", ""},
		{"one", []view.Part{part("a", true), part("b", false)}, "1 part is missing", "beside this program: b. "},
		{"two", []view.Part{part("a", false), part("b", false)}, "2 parts are missing", "beside this program: a, b. "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := view.Status{Parts: c.parts}
			if got := s.Summary(); got != c.summary {
				t.Errorf("Summary = %q, want %q", got, c.summary)
			}
			if got := s.Advice(); (c.advice == "") != (got == "") || !strings.Contains(got, c.advice) {
				t.Errorf("Advice = %q, want %q in it", got, c.advice)
			}
		})
	}
}

func TestCores(t *testing.T) {
	for n, want := range map[int]string{1: "1 core", 8: "8 cores"} {
		if got := (view.Status{Cores: n}).CoresText(); got != want {
			t.Errorf("CoresText(%d) = %q, want %q", n, got, want)
		}
	}
}

// inside are the words that belong to the code; screens say the plain ones.
var inside = regexp.MustCompile(`(?i)\b(wallet|seed phrase|private key|ask|bid|quote|deal|lease|escrow|voucher|settle|gas|stake|slashing|receipt|verdict|sandbox|peer|node|seller|relay)s?\b`)

func TestPlainWords(t *testing.T) {
	for _, c := range view.Commands() {
		if w := inside.FindString(c.What); w != "" {
			t.Errorf("%s is explained with the inside word %q: %s", c.Line, w, c.What)
		}
		if !strings.HasPrefix(c.Line, "sonm ") {
			t.Errorf("%q is not a command of ours", c.Line)
		}
	}
}
