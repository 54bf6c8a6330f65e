package view

import (
	"fmt"
	"strconv"
	"strings"

	"sonm/app/event"
	"sonm/engine/fog"
)

// Tone is the colour of a word.
type Tone int

// The tones.
const (
	Calm Tone = iota
	Good
	Warn
	Bad
)

// Foot is the status at the foot of the sidebar.
type Foot struct {
	Tone Tone
	Line string
	Note string // second line; may be empty
}

// FootOf says how the window stands with the world.
func FootOf(m Model) Foot {
	switch m.Link {
	case Starting:
		return Foot{Calm, "Starting", ""}
	case Lost:
		return Foot{Bad, "SONM stopped", "Trying to reach it again"}
	case Linked:
	}
	f := Foot{Good, "Connected to " + count(m.Peers, "computer", "computers"), m.Network}
	if m.Peers == 0 {
		f.Tone, f.Line = Warn, "No other computer yet"
	}
	if m.Practice {
		f.Note = "Practice mode, play money"
	}
	if m.Offline {
		f.Tone, f.Note = Warn, "Payments wait for the network"
	}
	return f
}

// Figure is one number with its name.
type Figure struct {
	Name  string
	Value string
	Note  string
}

// Home is the page that sells.
type Home struct {
	Title    string // of the switch's card
	Pill     string // "" shows none
	Truth    string // one sentence: what happens now
	On       bool   // position of the switch
	CanTurn  bool
	Practice bool
	Figures  [3]Figure
	Sold     []Figure // rows of what was sold; empty when nothing was
	SoldNote string   // instead of rows
	CanEdit  bool     // of the offer
	EditNote string
	Trouble  Trouble
}

// Till is what the person does on the home page. The zero value does nothing.
type Till struct {
	Turning bool // the switch was pressed and no event has told of it
	On      bool // where to, while Turning
	Problem *event.Problem
}

// HomeOf is the home page of m.
func HomeOf(m Model, t Till) Home {
	h := Home{
		On: m.Selling != nil, CanTurn: m.Link == Linked && !t.Turning, Practice: m.Practice,
		CanEdit: m.Selling == nil && !t.Turning, Trouble: Say(t.Problem),
	}
	if m.Link == Lost && t.Problem == nil {
		h.Trouble = Say(m.Trouble)
	}
	h.Title, h.Truth = truth(m)
	switch {
	case t.Turning && !t.On:
		h.Title, h.Truth = "Switching off", "Work that was begun is finished or handed back."
	case t.Turning:
		h.Title, h.Truth = "Switching on", "Getting this computer ready."
	case h.On && m.Selling.Deals > 0 && m.Link == Linked:
		h.Pill = "WORKING"
	}
	if t.Turning {
		h.On = t.On
	}
	h.Figures = figures(m)
	h.Sold, h.SoldNote = sold(m)
	h.EditNote = "Taken when you switch on selling."
	if !h.CanEdit {
		h.EditNote = "Switch off selling to change it."
	}
	return h
}

func truth(m Model) (title, sentence string) {
	switch {
	case m.Link == Starting:
		return "Starting", "SONM is starting on this computer."
	case m.Link == Lost:
		return "Not running", "The part of SONM that works in the background stopped. The window tries to reach it again."
	case m.Selling == nil:
		return "Selling is off", "Switch it on to run other people's jobs here, locked away from your files, and be paid for it."
	case m.Selling.Deals > 0:
		return "Earning", fmt.Sprintf("This computer works on %s and gets %s for a billion steps.",
			count(m.Selling.Deals, "job", "jobs"), Coins(m.Selling.Price, Nearest))
	}
	return "Waiting for work", fmt.Sprintf("Your offer of %s for a billion steps is out. Nobody needs it right now.", Coins(m.Selling.Price, Nearest))
}

func figures(m Model) [3]Figure {
	today := Figure{"Earned today", Coins(m.Today, Down), "before the network's fee"}
	if m.Today.IsZero() {
		today.Value, today.Note = "Nothing", "nothing sold yet today"
	}
	if m.Link == Starting {
		today.Value, today.Note = None, "Not known yet"
	}
	money, aside := Figure{"Your money", None, "Not known yet"}, Figure{"Set aside for jobs", None, "Not known yet"}
	if m.Link != Starting {
		money.Value, money.Note = Coins(m.Money.Balance, Down), "at hand"
		if free, err := m.Money.Escrow.Sub(m.Money.Reserved); err == nil && !free.IsZero() {
			money.Note = "and " + Coins(free, Down) + " kept ready for jobs"
		}
		aside.Value, aside.Note = Coins(m.Money.Reserved, Down), "for jobs of yours that run now"
		if m.Money.Reserved.IsZero() {
			aside.Value, aside.Note = "Nothing", "no job of yours runs now"
		}
	}
	return [3]Figure{today, money, aside}
}

func sold(m Model) ([]Figure, string) {
	s := m.Sold
	if s == nil {
		return nil, "Nothing yet. What this computer does for others is listed here."
	}
	now := "selling is off"
	if m.Selling != nil {
		now = count(s.Deals, "job", "jobs")
	}
	return []Figure{
		{Name: "Working on now", Value: now},
		{Name: "Tasks finished", Value: grouped(strconv.Itoa(s.Tasks))},
		{Name: "Tasks that could not be done here", Value: grouped(strconv.Itoa(s.Failed))},
		{Name: "Earned, before the network's fee", Value: Coins(s.Earned, Down)},
	}, ""
}

// Offer is the price and size of what is sold, as typed.
type Offer struct{ Price, Slots string }

// DefaultOffer is what the fields hold at first: the terminal's default, and
// one task at once, which leaves the computer usable.
func DefaultOffer() Offer { return Offer{Price: "1", Slots: "1"} }

// maxSlots is past any computer of today.
const maxSlots = 1024

// Read takes the offer as numbers.
func (o Offer) Read() (price fog.Amount, slots int, wrong *event.Problem) {
	price, err := fog.ParseAmount(strings.TrimSpace(strings.ReplaceAll(o.Price, ",", ".")))
	if err != nil || price.IsZero() {
		return fog.Amount{}, 0, &event.Problem{Code: "settings", What: "The price must be a number above zero, such as 0.5."}
	}
	slots, err = whole(o.Slots, maxSlots)
	if err != nil {
		return fog.Amount{}, 0, &event.Problem{Code: "settings", What: fmt.Sprintf("Tasks at once must be a whole number from 1 to %d.", maxSlots)}
	}
	return price, slots, nil
}
