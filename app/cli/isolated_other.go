//go:build !linux

package cli

import "sonm/app/event"

func newIsolated(string, string) (stage, error) {
	return nil, &event.Problem{Code: "isolate", What: "--isolate works on Linux only."}
}
