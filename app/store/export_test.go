package store

import (
	"context"
	"fmt"
)

// SetVersion pretends that another program wrote the database.
func (s *Store) SetVersion(ctx context.Context, v int) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", v))
	return err
}
