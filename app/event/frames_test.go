package event_test

import (
	"testing"

	"sonm/app/event"
)

func TestParseFrames(t *testing.T) {
	for text, want := range map[string]event.Frames{
		"7": {First: 7, Last: 7, Step: 1}, "1-48": {First: 1, Last: 48, Step: 1}, " 1 - 48 / 2 ": {First: 1, Last: 48, Step: 2},
		"48-1": {First: 48, Last: 1, Step: 1}, "0-2147483647": {Last: 2147483647, Step: 1},
	} {
		if got, ok := event.ParseFrames(text); !ok || got != want {
			t.Errorf("ParseFrames(%q) = %+v, %v; want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-", "1-", "-1", "1-2-3", "1-48/0", "1-48/", "a-b", "1.5", "1-2147483648", "/2"} {
		if got, ok := event.ParseFrames(text); ok {
			t.Errorf("ParseFrames(%q) = %+v", text, got)
		}
	}
}
