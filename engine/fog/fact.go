package fog

import "time"

// Fact is something that happened, told once, in the past tense. The roles
// emit facts; the journal keeps them; screens and progress bars fold them.
type Fact interface{ fact() }

// The facts of a job at the buyer, in the order in which they usually come.
type (
	// Waited says that the job cannot go on yet, and why, in one sentence.
	Waited struct {
		Job    JobID
		Reason string
	}
	// Inspected is what the app found in the dropped files.
	Inspected struct {
		Job      JobID
		Cameras  []string
		Unique   uint64 // triangles stored
		Drawn    uint64 // triangles seen, instances counted
		Warnings []string

		Animations []Animation // of the scene; none if it stands still
	}
	// ThumbnailMade says that a small picture of the scene was rendered here.
	ThumbnailMade struct {
		Job    JobID
		Width  int // pixels
		Height int
	}
	// Piloted says that the local pilot measured the work ahead.
	Piloted struct {
		Job   JobID
		Tasks int
		Work  uint64 // units planned
	}
	// Quoted is the price of the job from live asks.
	Quoted struct {
		Job      JobID
		Sellers  int
		Expected Amount
		Max      Amount
	}
	// Locked says that Max is reserved for the job in the escrow.
	Locked struct {
		Job JobID
		Max Amount
	}
	// DealOpened says that buyer and seller both signed.
	DealOpened struct {
		Job    JobID
		Deal   DealID
		Seller Address
		Peer   PeerID
		Price  Amount
	}
	// SellerLost says that a seller is no longer working on the job, and why.
	SellerLost struct {
		Job    JobID
		Peer   PeerID
		Reason string
	}
	// TaskLeased says that a worker has a task until the time given.
	TaskLeased struct {
		Job     JobID
		Index   uint32
		Attempt uint32
		Peer    PeerID
		Until   time.Time
	}
	// TaskDone says that a valid signed result arrived.
	TaskDone struct {
		Job     JobID
		Index   uint32
		Peer    PeerID
		Work    uint64
		Checked bool // drawn for a spot check; not paid before the verdict
		Done    int  // tasks with a result, of
		Total   int
	}
	// TaskChecked is the verdict of a spot check.
	TaskChecked struct {
		Job   JobID
		Index uint32
		Peer  PeerID
		OK    bool
		Why   string // the reason when not OK
	}
	// Paid says that a voucher raised what is promised to a seller.
	Paid struct {
		Job    JobID
		Index  uint32
		Seller Address
		Amount Amount // for this task
		Total  Amount // for this job to this seller so far
	}
	// FrameDone says that a frame of an animation is complete and, where the
	// order says where to, saved. It comes again if a part of it was found wrong.
	FrameDone struct {
		Job   JobID
		Frame int
		Done  int // complete frames, of
		Total int
	}
	// Settled says that the chain has paid the sellers.
	Settled struct {
		Job   JobID
		Spent Amount
		Fee   Amount
		Tx    Hash
	}
	// JobSaved says that the picture is on disk.
	JobSaved struct {
		Job  JobID
		Path string
		Film Hash
	}
)

// Animation is one animation of a scene.
type Animation struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"` // from 0 to its last key
}

// The facts of a seller.
type (
	// SandboxReady says how far the processes for strangers' code are locked
	// down on this computer.
	SandboxReady struct {
		Level Level
	}
	// EngineChanged says that a job goes on in another WebAssembly engine, as
	// the one it had cannot do it. Nothing is lost.
	EngineChanged struct {
		From, To string
		Reason   string
	}
	// AskPublished says that the standing offer was told to the network.
	AskPublished struct {
		Ask   OrderID
		Price Amount
	}
	// DealAccepted says that this seller signed a deal.
	DealAccepted struct {
		Deal  DealID
		Buyer Address
		Cap   Amount
	}
	// DealRefused says why this seller did not sign.
	DealRefused struct {
		Buyer  PeerID
		Reason string
	}
	// TaskFinished says that a task ran here and its receipt was sent.
	TaskFinished struct {
		Deal   DealID
		Index  uint32
		Work   uint64
		Engine string
		CPU    time.Duration
	}
	// TaskFailed says that a task could not be run here.
	TaskFailed struct {
		Deal   DealID
		Index  uint32
		Reason string
	}
	// Earned says that a buyer's voucher for a task arrived and is safe on disk.
	Earned struct {
		Deal  DealID
		Total Amount // promised by this buyer in this epoch, cumulative
	}
	// DealBroken says that a signed deal ended without a close.
	DealBroken struct {
		Deal   DealID
		Reason string
	}
	// DealClosed says that the buyer closed the deal.
	DealClosed struct {
		Deal  DealID
		Tasks int
		Paid  Amount
	}
)

func (Waited) fact()        {}
func (Inspected) fact()     {}
func (ThumbnailMade) fact() {}
func (Piloted) fact()       {}
func (Quoted) fact()        {}
func (Locked) fact()        {}
func (DealOpened) fact()    {}
func (SellerLost) fact()    {}
func (TaskLeased) fact()    {}
func (TaskDone) fact()      {}
func (TaskChecked) fact()   {}
func (Paid) fact()          {}
func (FrameDone) fact()     {}
func (Settled) fact()       {}
func (JobSaved) fact()      {}
func (SandboxReady) fact()  {}
func (EngineChanged) fact() {}
func (AskPublished) fact()  {}
func (DealAccepted) fact()  {}
func (DealRefused) fact()   {}
func (TaskFinished) fact()  {}
func (TaskFailed) fact()    {}
func (Earned) fact()        {}
func (DealBroken) fact()    {}
func (DealClosed) fact()    {}
