package app_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks that nothing runs on once every App of the tests is closed.
// What is ignored belongs to the chain of the practice network.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// geth has one for the process, begun with the first block and never ended.
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
		// It ends a second after its database is closed; what an open one runs
		// beside it is not ignored.
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),
	)
}
