//go:build !race

package buyer_test

// How many seeds the tests that need many take.
const (
	crowds     = 100 // fogs of thirty
	liarJobs   = 50
	honestJobs = 200
)
