package fog

import "fmt"

// Level is how far the process that strangers' code runs in is locked down;
// more is stricter.
type Level uint32

// The levels.
const (
	LevelOpen     Level = 0 // not at all: a process of its own, no more
	LevelLimited  Level = 1 // bounded in what it uses, last in the queue for the processor
	LevelFiltered Level = 2 // and cut off from files, network and other processes
	LevelWalled   Level = 3 // by two walls that do not depend on each other
)

var levelNames = [...]string{"open", "limited", "filtered", "walled"}

// String is the level's name in one word.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level %d", uint32(l))
}

// ParseLevel reads what String gives for the four levels.
func ParseLevel(s string) (Level, error) {
	for n, name := range levelNames {
		if s == name {
			return Level(n), nil
		}
	}
	return 0, fmt.Errorf("level %q, want one of %q", s, levelNames)
}
