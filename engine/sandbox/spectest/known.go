package spectest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ledger are failures by script and class.
type ledger map[entry]*lines

type entry struct{ file, class string }

// lines are the commands that failed, as spans of lines: "7-20" are all the
// commands that count from line 7 to line 20.
type lines struct {
	count int
	spans []span
	last  int // command, among those that count
}

type span struct{ from, to int }

func (l ledger) enter(file, class string, command, line int) {
	e := entry{file, class}
	if l[e] == nil {
		l[e] = &lines{}
	}
	in := l[e]
	if in.count > 0 && command == in.last+1 {
		in.spans[len(in.spans)-1].to = line
	} else {
		in.spans = append(in.spans, span{line, line})
	}
	in.count++
	in.last = command
}

func (l *lines) String() string {
	var words []string
	for _, s := range l.spans {
		if s.from == s.to {
			words = append(words, fmt.Sprint(s.from))
		} else {
			words = append(words, fmt.Sprintf("%d-%d", s.from, s.to))
		}
	}
	return fmt.Sprintf("%d at %s", l.count, strings.Join(words, ","))
}

var knownFile = filepath.Join("testdata", "known.txt")

// compare holds the ledger against the file, for the scripts that were played.
func (l ledger) compare(t *testing.T, classes []Class, played []string) {
	t.Helper()
	sums := map[string]int{}
	var found []string
	for e, in := range l {
		found = append(found, fmt.Sprintf("%s %s: %v", e.file, e.class, in))
		sums[e.class] += in.count
	}
	slices.Sort(found)
	for _, c := range classes {
		t.Logf("%d %s: %s", sums[c.Name], c.Name, c.Reason)
		if sums[c.Name] == 0 && !testing.Short() {
			t.Errorf("nothing fails as %s any more", c.Name)
		}
	}
	if *update && !testing.Short() {
		write(t, found)
	}
	known := knownOf(t, played)
	for _, line := range found {
		if !slices.Contains(known, line) {
			t.Errorf("not known: %s", line)
		}
	}
	for _, line := range known {
		if !slices.Contains(found, line) {
			t.Errorf("known but not so: %s", line)
		}
	}
}

func write(t *testing.T, found []string) {
	t.Helper()
	head := "# What fails: script, class (see the test), how many commands, at which lines of the script's source.\n"
	text := head + strings.Join(found, "\n")
	if err := os.WriteFile(knownFile, []byte(strings.TrimSpace(text)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func knownOf(t *testing.T, played []string) []string {
	t.Helper()
	b, err := os.ReadFile(knownFile)
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for line := range strings.Lines(string(b)) {
		file, _, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(line, "#") && slices.Contains(played, file) {
			known = append(known, strings.TrimSpace(line))
		}
	}
	return known
}
