// Package wire is the language peers speak: every message of protocol version
// 1, its bytes, and the checks that stand between foreign bytes and the rest of
// the program.
//
// A message is one Protocol Buffers envelope (pb/wire.proto) behind an unsigned
// varint of its length. Read gives back only messages whose every length and
// range has been checked, as plain structs around the nouns of package fog, so
// that no other package ever touches raw fields. It does not check signatures,
// balances or who may say what: those belong to the roles.
//
// # Why
//
// Protocol Buffers, because an older peer keeps fields it does not know when it
// passes a message on, and because a field can be added without a new protocol.
// A body an older peer does not know arrives as Unknown, to be ignored. The
// major version is in the protocol id (see package p2p); a change that is not
// safe to ignore is a new major beside the old one.
//
// Control messages are capped at MaxControl whatever the reader allows for
// bulk: repeated fields of a big message could otherwise cost thirty times
// their size in memory.
package wire

// The generator is built from the module's own version of protobuf; protoc
// (Debian: protobuf-compiler 3.21.12) must be installed. The result is committed.
//go:generate sh -c "cd ../.. && go build -o build/cache/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go && protoc --plugin=build/cache/protoc-gen-go --go_out=. --go_opt=paths=source_relative engine/wire/pb/wire.proto"
