package ui

import (
	"context"

	"sonm/ui/view"
)

// RunPump runs a pump alone, without a window.
func RunPump(ctx context.Context, core Core, show func(view.Model)) { newPump(core, show).run(ctx) }
