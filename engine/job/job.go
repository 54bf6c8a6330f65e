// Package job is the plan of a render and the joining of its results: settings
// and bundle in, tasks out, and a film that puts the tasks' results together.
//
// It is pure: no clock, network, disk or randomness, so that a plan can be
// tested whole and two buyers plan alike. It renders nothing itself and knows
// nothing about prices or peers; work is measured in the guest's own units.
//
// A job may ask for feature layers (albedo, normal, depth, coverage): tasks of a
// second kind, of which the film makes the layers by the same rules.
//
// # Why
//
// A task is a tile of pixels times an aligned power-of-two block of samples,
// and the film adds blocks in one fixed binary tree over the sample index
// (pairs 2k, 2k+1, then pairs of pairs). Float addition is not associative:
// adding plain ranges in order of arrival changed 69-74 % of the pixels between
// two splits, the tree none. So a film is the same file whoever rendered which
// part of it, in any order, and its hash can be compared. The price is that a
// sample count is cut into aligned blocks (100 = 64 + 32 + 4), never at will.
package job
