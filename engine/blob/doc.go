// Package blob is content-addressed data: anything a job needs, cut into
// chunks that are named by their SHA-256, listed in a manifest whose own
// SHA-256, the root, names the whole.
//
// Whoever holds a root can fetch the content from strangers: every byte is
// checked against a name before it is stored, what is already here is not
// fetched again, and nothing above a limit is begun.
//
// It does not know peers or the network (a Source is handed in) and does not
// decide who may read.
//
// # Why
//
// Chunks are cut where the content says (a gear hash in the manner of FastCDC),
// not at fixed offsets, so that an edit in a large scene changes the chunks
// around it and no others. SHA-256 because it is what the rest of the market
// hashes with and processors do it in hardware.
package blob
