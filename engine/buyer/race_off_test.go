//go:build !race

package buyer_test

// crowds is how many fogs of thirty are run.
const crowds = 100
