//go:build !linux && !windows && !darwin

package jail

// CloseOthers does nothing here: the broker passes on only the three pipes.
func CloseOthers() error { return nil }

// Lock can do nothing here and says so.
func Lock(Config) (Level, error) { return Open, nil }
