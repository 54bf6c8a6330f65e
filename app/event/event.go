package event

import (
	"time"

	"sonm/engine/fog"
)

// Snapshot is everything a window shows before the first fact: Watch tells it
// first, and again whenever facts may have been missed.
type Snapshot struct {
	Version  string      // of the program
	Account  fog.Address // that pays and is paid
	Network  string      // name of the network
	Practice bool        // the money is play money
	Peers    int         // computers connected
	Offers   int         // live asks heard
	Offline  bool        // the chain does not answer: Money is what it last said
	Money    Money
	Today    fog.Amount // promised to this computer since midnight, before the fee
	Selling  *Selling   // nil while not selling
	Jobs     []Job      // newest first
}

// Money is what the account has.
type Money struct {
	Balance  fog.Amount // SNM at hand
	Escrow   fog.Amount // SNM in the escrow
	Reserved fog.Amount // part of Escrow that open jobs hold
}

// Selling is what this computer sells and what that brought. Its JSON is a part
// of the terminal's contract.
type Selling struct {
	Price  fog.Amount `json:"price"`  // SNM per fog.UnitsPerPrice units
	Slots  int        `json:"slots"`  // tasks at once
	Level  fog.Level  `json:"level"`  // how far strangers' code is locked down
	Deals  int        `json:"deals"`  // open now
	Tasks  int        `json:"tasks"`  // finished since selling was started
	Failed int        `json:"failed"` // that could not be done here
	Earned fog.Amount `json:"earned"` // promised by buyers since selling was started, before the fee
	Today  fog.Amount `json:"today"`  // promised since midnight, before the fee
}

// Order is what a person wants rendered.
type Order struct {
	Scene   string // path of the scene file
	Width   int
	Height  int
	Samples int
	Camera  string
	Bounces int

	Frame  int     // of a picture: the moment Frame / FPS seconds of the scene's animation
	Frames *Frames // of an animation; nil is one picture
	FPS    float64 // frames a second; 0 where nothing asks for a moment

	Sky         string // path of an image, or "r,g,b"; "" is none
	SkyStrength float64
	SkyRotation float64 // degrees

	MaxPrice  *fog.Amount // per fog.UnitsPerPrice units; nil is any
	MaxTotal  *fog.Amount // for the whole job; nil is any
	Sellers   int         // most sellers; 0 is as many as are useful
	Wait      time.Duration
	Tile      int // pixels; 0 leaves it to the plan
	Block     int // most samples per task, a power of two; 0 leaves it to the plan
	CheckRate float64

	Layers bool // render albedo, normal and depth as well; Look.Denoise implies it
	Look   Look // of the picture that is saved
}

// Look is how a finished picture is saved. The zero value is the picture as it
// was rendered, in the standard view.
type Look struct {
	View     string  // of a PNG: "standard", "agx" or "neutral"; "" is standard
	Exposure float64 // of a PNG, in stops
	Bits     int     // of a PNG's channel: 8 or 16; 0 is 8
	Denoise  bool    // takes the noise out and says so in the file; needs layers
}

// Frames are the frames of an animation: First, First + Step and so on to Last.
type Frames struct{ First, Last, Step int }

// Quote is a price for an order, good until it is accepted or cancelled.
type Quote struct {
	Job      fog.JobID
	Sellers  int
	Expected fog.Amount
	Max      fog.Amount // never more than this is spent
	Tasks    int
	Cameras  []string
	Drawn    uint64   // triangles, instances counted
	Warnings []string // what will look different, in sentences

	Animations []fog.Animation // of the scene; none if it stands still
}

// State is where a job stands.
type State string

// The states of a job.
const (
	Quoting   State = "quoting"   // inspected and priced on this computer
	Quoted    State = "quoted"    // waits for the person
	Running   State = "running"   // leased, judged and paid
	Done      State = "done"      // settled; the picture can be saved
	Cancelled State = "cancelled" // by the person
	Failed    State = "failed"    // see Problem
)

// Job is one order and how far it is.
type Job struct {
	ID      fog.JobID
	Scene   string // name of the scene file, without its folder
	Width   int
	Height  int
	Samples int
	Frames  int  // of an animation, 0 of a picture
	Ready   int  // frames that are complete
	Layers  bool // albedo, normal and depth are rendered, so that it can be denoised
	Look    Look // as ordered
	State   State
	Quote   *Quote // from Quoted on
	// Thumbnail says that there is a small picture to be asked for while the job
	// is Quoting or Quoted.
	Thumbnail bool
	Done      int // tasks with a result, of
	Total     int
	Sellers   int        // with an open deal
	Locked    fog.Amount // set aside
	Spent     fog.Amount // promised so far; when Done, what was paid with the fee
	Refund    fog.Amount // when Done: Locked - Spent
	Checked   int        // spot checks made
	Saved     string     // path of the saved picture, "" if not saved
	Problem   *Problem   // when Failed
	Created   time.Time
}

// Picture is what there is of a job's film, ready for the screen.
type Picture struct {
	Width  int
	Height int
	RGBA   []byte // 8-bit sRGB, row-major; alpha is 0 where nothing arrived yet
}

// Event is one thing Watch tells: a snapshot, a changed job, or a changed
// seller. Exactly one field is set.
type Event struct {
	Snapshot *Snapshot `json:",omitempty"`
	Job      *Job      `json:",omitempty"`
	Selling  *Selling  `json:",omitempty"`
	Stopped  bool      `json:",omitempty"` // selling was stopped
	Money    *Money    `json:",omitempty"`
}
