package event

import (
	"strconv"
	"strings"
)

// ParseFrames reads a range of frames: 7, 1-48 or 1-48/2. Whether there can be
// such frames is for the job to say.
func ParseFrames(text string) (f Frames, ok bool) {
	f.Step = 1
	span, step, stepped := strings.Cut(strings.TrimSpace(text), "/")
	first, last, ranged := strings.Cut(span, "-")
	if !ranged {
		last = first
	}
	number := func(s string, to *int) bool {
		n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
		*to = int(n)
		return err == nil
	}
	ok = number(first, &f.First) && number(last, &f.Last) && (!stepped || number(step, &f.Step) && f.Step > 0)
	return f, ok
}
