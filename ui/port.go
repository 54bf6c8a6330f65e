package ui

import (
	"context"

	"sonm/ui/view"
)

// Core is what the window needs of the rest of the program. It is small
// because the window of this build can show little; it grows with the screens.
type Core interface {
	// Status looks up what is installed and what runs.
	Status(ctx context.Context) (view.Status, error)
}
