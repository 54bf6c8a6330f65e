// Package store is the node's database: one SQLite file per home that holds
// the journal of jobs, deals, results, vouchers and transactions.
//
// What is promised to a peer is written here, and on disk, before it goes on
// the wire; everything else in the program can be rebuilt from it. It decides
// nothing: rows in, rows out.
//
// # Why
//
// SQLite in WAL mode with full sync rather than a key-value store: screens
// filter and sort, and acknowledged writes survived kill -9.
package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"time"

	_ "modernc.org/sqlite" // the driver registers itself as "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open database. Its methods may be called from any goroutine; one
// connection serialises them.
type Store struct{ db *sql.DB }

// Open opens or creates the database at path and brings its schema up to date.
// A database written by a newer program is refused.
func Open(ctx context.Context, path string) (*Store, error) {
	q := url.Values{"_pragma": {"journal_mode(wal)", "synchronous(full)", "foreign_keys(on)", "busy_timeout(5000)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	s := &Store{db}
	if err := s.migrate(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

func (s *Store) migrate(ctx context.Context) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if version > len(names) {
		return fmt.Errorf("schema version %d is newer than this program's %d", version, len(names))
	}
	for i := version; i < len(names); i++ {
		if err := s.apply(ctx, names[i], i+1); err != nil {
			return fmt.Errorf("migration %s: %w", names[i], err)
		}
	}
	return nil
}

func (s *Store) apply(ctx context.Context, name string, version int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, string(script)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
		return err
	})
}

// write runs f in one transaction: all of it is on disk, or none.
func (s *Store) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error is the one that matters
		return err
	}
	return tx.Commit()
}

// exec runs one statement and names what was being done in its error.
func (s *Store) exec(ctx context.Context, what, query string, args ...any) error {
	if _, err := s.db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func millis(t time.Time) int64 { return t.UTC().UnixMilli() }

// blob reads a fixed-size column and refuses any other length.
type blob struct{ dst []byte }

// Scan implements sql.Scanner; NULL leaves the destination zero.
func (b blob) Scan(src any) error {
	if src == nil {
		clear(b.dst)
		return nil
	}
	v, ok := src.([]byte)
	if !ok || len(v) != len(b.dst) {
		return fmt.Errorf("column holds %T of another size than %d bytes", src, len(b.dst))
	}
	copy(b.dst, v)
	return nil
}
