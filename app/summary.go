package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sonm/engine/fog"
	"sonm/engine/sandbox"
)

// Summary is what a finished job tells programs; its JSON is a contract.
// Amounts are decimal strings in SNM; Locked = Spent + Refunded exactly.
type Summary struct {
	Job      fog.JobID       `json:"job"`
	Film     fog.Hash        `json:"film"` // SHA-256 of the merged float32 film; of an animation over its films' hashes, in order
	Out      string          `json:"out"`
	Width    int             `json:"width"`
	Height   int             `json:"height"`
	Samples  int             `json:"samples"`
	Denoised bool            `json:"denoised,omitempty"`
	Frames   int             `json:"frames,omitempty"` // of an animation
	Tasks    int             `json:"tasks"`
	Checked  int             `json:"checked"` // tasks re-run here in another engine
	Wall     float64         `json:"wall_s"`
	Render   float64         `json:"render_s"` // from the first lease to the last result
	Sellers  []SellerSummary `json:"sellers"`
	Buyer    BuyerSummary    `json:"buyer"`
	Engine   EngineSummary   `json:"engine"`
	Uploaded uint64          `json:"uploaded"` // bytes the buyer sent
	Gas      uint64          `json:"gas"`      // of all the buyer's transactions for the job
}

// SellerSummary is one seller's part.
type SellerSummary struct {
	Peer    fog.PeerID  `json:"peer"`
	Address fog.Address `json:"address"`
	Tasks   int         `json:"tasks"`
	Paid    fog.Amount  `json:"paid"` // after the fee
}

// BuyerSummary is the buyer's money.
type BuyerSummary struct {
	Address  fog.Address `json:"address"`
	Locked   fog.Amount  `json:"locked"`   // reserved for the job
	Spent    fog.Amount  `json:"spent"`    // paid to sellers, and the fee
	Fee      fog.Amount  `json:"fee"`      // part of Spent
	Refunded fog.Amount  `json:"refunded"` // back in the free escrow balance
}

// EngineSummary counts the tasks that ran in each engine at the sellers.
type EngineSummary map[sandbox.Engine]int

// String lists the engines that ran tasks, as "320 in wasmer, 3 in wazero".
func (s EngineSummary) String() string {
	var parts []string
	for _, e := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, fmt.Sprintf("%d in %s", s[e], e))
	}
	return strings.Join(parts, ", ")
}
