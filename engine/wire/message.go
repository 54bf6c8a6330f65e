package wire

import (
	"google.golang.org/protobuf/encoding/protowire"

	"sonm/engine/fog"
	"sonm/engine/wire/pb"
)

// Limits of what a message may carry. They are checked when writing and when
// reading.
const (
	MaxControl    = 64 << 10  // bytes of a message without its bulk body
	MaxResult     = 64 << 20  // bytes of a message, the usual limit for results
	MaxAsk        = 1 << 10   // bytes of an encoded ask; two direct addresses take about 350
	MaxAddrs      = 8         // addresses in an ask
	MaxAddr       = 192       // bytes of one address
	MaxPeer       = 128       // bytes of a peer id in text form; ours take 52
	MaxEngine     = 32        // bytes of a WebAssembly engine's name
	MaxVersion    = 64        // bytes of a program version
	MaxReason     = 512       // bytes of a sentence for a person
	MaxSettings   = 4 << 10   // bytes of a settings summary
	MaxSpec       = 16 << 10  // bytes of a task spec
	MaxTasks      = 1024      // tasks in one heartbeat
	MaxBatch      = 256       // chunks asked for in one message
	MaxChunk      = 1 << 20   // bytes of a chunk, the largest the chunker cuts
	MaxManifest   = 40 << 20  // bytes of an encoded manifest; 2^20 chunks take 36 MiB
	MaxPart       = 512 << 10 // bytes of a manifest in one message
	MaxInput      = 64 << 30  // bytes of a job's input
	maxSlots      = 1 << 16   // more slots than any machine has cores
	maxTime       = 253402300799
	amountBytes   = 16 // prices and caps are below 2^128 (the contracts' uint128)
	voucherBytes  = 12 // voucher totals are below 2^96 (the contracts' uint96)
	maxBodyNumber = 99 // envelope fields above it are not bodies
)

// Body is what a message says: one of the structs of this package.
type Body interface {
	number() protowire.Number // field number in the envelope
}

// Message is one message. Build one with New. A message that was read keeps the
// fields this version does not know and is written out again with them, so its
// Body must not be changed: build a new one instead.
type Message struct {
	Body Body
	raw  *pb.Message // as read; nil for a message of our own
}

// New is a message of ours that says body.
func New(body Body) *Message { return &Message{Body: body} }

// Hello opens a connection between two programs: who speaks for which account.
// Both sides send one. It shows a delegation, not that the sender holds the
// device key: that is shown by the device's signature under the deal.
type Hello struct {
	Version    string         // of the program, for people
	Network    fog.Hash       // genesis hash; a different one ends the talk
	Delegation fog.Delegation // signed by the account
}

// Ask carries a seller's standing offer.
type Ask struct{ Ask fog.Ask }

// Propose asks a seller to work under a deal.
type Propose struct {
	Deal     fog.Deal
	Sig      fog.Signature // by the buyer's device key
	Size     uint64        // bytes behind Deal.Input, so that the seller can refuse before it fetches
	Settings string        // what is to be made, one line for the seller's screen
}

// Accept is the seller's signature under the deal that was proposed.
type Accept struct {
	Deal fog.DealID
	Sig  fog.Signature // by the seller's device key
}

// Refusal says why a deal was refused, so that the buyer's program can act.
type Refusal uint32

// The refusals of version 1. Others are legal and mean RefuseOther.
const (
	RefuseOther   Refusal = 1 + iota // see the sentence
	RefuseBusy                       // no free slots; try again later
	RefuseAsk                        // the ask is unknown, replaced or expired
	RefusePrice                      // below the price of the ask
	RefuseSize                       // input or memory larger than this seller takes
	RefuseModule                     // the module is not one this seller runs
	RefuseDeal                       // badly signed, expired or not covered by escrow
	RefuseStopped                    // the seller is shutting down
)

// Refuse turns down a proposed deal.
type Refuse struct {
	Deal   fog.DealID
	Code   Refusal
	Reason string // one sentence
}

// Lease hands a task to a worker.
type Lease struct{ Lease fog.Lease }

// Heartbeat lists the tasks a worker holds; what is missing may be leased again.
type Heartbeat struct {
	Deal  fog.DealID
	Tasks []fog.TaskID
}

// Progress tells how far a task is.
type Progress struct {
	Deal    fog.DealID
	Task    fog.TaskID
	Attempt uint32
	Work    uint64 // units so far; a claim, nothing is paid for it
}

// Result is a finished task. That Output hashes to Receipt.Result is for the
// judge to check.
type Result struct {
	Receipt fog.Receipt
	Output  []byte
	Engine  string // the worker says it ran in; a checker takes another one
}

// Voucher carries a cumulative promise.
type Voucher struct{ Voucher fog.Voucher }

// VoucherAck says which total the seller has on disk.
type VoucherAck struct {
	Buyer  fog.Address
	Seller fog.Address
	Epoch  uint32
	Total  fog.Amount
}

// Verdict tells a worker whether a result counts.
type Verdict struct {
	Deal     fog.DealID
	Task     fog.TaskID
	Attempt  uint32
	Accepted bool
	Reason   string // one sentence, empty when accepted
}

// Cancel takes a lease back.
type Cancel struct {
	Deal    fog.DealID
	Task    fog.TaskID
	Attempt uint32
	Reason  string
}

// Close ends a deal and opens the secret of its spot checks.
type Close struct {
	Deal   fog.DealID
	Secret fog.Hash // its hash is Deal.Secret
	Reason string
}

// Closed confirms Close.
type Closed struct{ Deal fog.DealID }

// WantManifest asks for the manifest of root from a byte offset on.
type WantManifest struct {
	Root   fog.Hash
	Offset uint64
}

// Manifest is one part of an encoded manifest. A part is never empty unless it
// is the end: Offset + len(Data) <= Size.
type Manifest struct {
	Root   fog.Hash
	Size   uint64 // bytes of the whole encoded manifest
	Offset uint64
	Data   []byte
}

// WantChunks asks for chunks of root; they are answered in this order, each by
// a Chunk or a NotFound.
type WantChunks struct {
	Root   fog.Hash
	Chunks []fog.Hash
}

// Chunk is a piece of content. That Data hashes to Name is for the receiver to
// check.
type Chunk struct {
	Name fog.Hash
	Data []byte
}

// NotFound answers a want: not here, or not for you.
type NotFound struct{ Name fog.Hash }

// Unknown is a body of a newer minor version, to be ignored.
type Unknown struct{}

func (Hello) number() protowire.Number        { return 1 }
func (Ask) number() protowire.Number          { return 2 }
func (Propose) number() protowire.Number      { return 3 }
func (Accept) number() protowire.Number       { return 4 }
func (Refuse) number() protowire.Number       { return 5 }
func (Lease) number() protowire.Number        { return 6 }
func (Heartbeat) number() protowire.Number    { return 7 }
func (Progress) number() protowire.Number     { return 8 }
func (Result) number() protowire.Number       { return 9 }
func (Voucher) number() protowire.Number      { return 10 }
func (VoucherAck) number() protowire.Number   { return 11 }
func (Verdict) number() protowire.Number      { return 12 }
func (Cancel) number() protowire.Number       { return 13 }
func (Close) number() protowire.Number        { return 14 }
func (Closed) number() protowire.Number       { return 15 }
func (WantManifest) number() protowire.Number { return 16 }
func (Manifest) number() protowire.Number     { return 17 }
func (WantChunks) number() protowire.Number   { return 18 }
func (Chunk) number() protowire.Number        { return 19 }
func (NotFound) number() protowire.Number     { return 20 }
func (Unknown) number() protowire.Number      { return 0 }
