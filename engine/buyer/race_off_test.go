//go:build !race

package buyer_test

// How many seeds the tests that need many take.
const (
	crowds     = 100 // fogs of thirty
	liarJobs   = 50
	honestJobs = 200
)

// makespanSellers are how many sellers end together.
var makespanSellers = []int{2, 4, 16}
