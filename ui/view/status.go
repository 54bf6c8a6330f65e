// Package view holds what the screens show, as plain values without any
// toolkit: the words a person reads are made and tested here.
package view

import (
	"fmt"
	"strings"
)

// Status is what the window knows about this installation. Everything in it
// was looked up; there is no figure nobody measured.
type Status struct {
	Version string // of this build, "unknown" if it was built without
	Cores   int    // logical processors
	Parts   []Part // programs that belong beside the window
}

// Part is one program of the installation.
type Part struct {
	Name  string // what it is for, in plain words
	File  string // its file name
	Found bool   // it is there and may be run
}

// Missing are the parts that are not there.
func (s Status) Missing() []Part {
	var missing []Part
	for _, p := range s.Parts {
		if !p.Found {
			missing = append(missing, p)
		}
	}
	return missing
}

// Summary is the one line at the foot of the sidebar.
func (s Status) Summary() string {
	switch n := len(s.Missing()); n {
	case 0:
		return "Everything is in place"
	case 1:
		return "1 part is missing"
	default:
		return fmt.Sprintf("%d parts are missing", n)
	}
}

// Advice says what to do about missing parts, "" if none is.
func (s Status) Advice() string {
	missing := s.Missing()
	if len(missing) == 0 {
		return ""
	}
	files := make([]string, len(missing))
	for i, p := range missing {
		files[i] = p.File
	}
	return fmt.Sprintf("Not found beside this program: %s. Run \"make build\" again, or copy the whole folder rather than single files.",
		strings.Join(files, ", "))
}

// CoresText is the number of processor cores in words.
func (s Status) CoresText() string {
	if s.Cores == 1 {
		return "1 core"
	}
	return fmt.Sprintf("%d cores", s.Cores)
}
