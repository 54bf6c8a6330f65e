//go:build race

package buyer_test

// How many seeds the tests that need many take: under the race detector, which
// makes each five times as long, a part.
const (
	crowds     = 20
	liarJobs   = 12
	honestJobs = 60
)

// makespanSellers are how many sellers end together.
var makespanSellers = []int{4}
