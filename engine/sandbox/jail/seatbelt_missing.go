//go:build darwin && !cgo

package jail

import "errors"

// seatbelt needs a function of the system's C library.
func seatbelt() error { return errors.New("built without cgo") }
