//go:build race

package buyer_test

// crowds is how many fogs of thirty are run; under the race detector, which
// makes each five times as long, a part of the hundred.
const crowds = 25
