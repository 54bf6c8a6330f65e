package view

// Command is one thing this build can do, from a terminal.
type Command struct {
	Line string // as typed
	What string // in plain words
}

// Commands are the terminal commands of this build, the first one the one to
// try first.
func Commands() []Command {
	return []Command{
		{"sonm demo -o demo.png", "Three computers in one: a scene is rendered, checked and paid for with play money."},
		{"sonm sell", "Let other people's jobs run on this computer and be paid for them."},
		{"sonm render scene.glb -o picture.png", "Have a scene rendered by the computers that are on offer."},
		{"sonm status", "What is running on this computer right now."},
		{"sonm wallet", "Your money: what you have and where to be paid."},
		{"sonm network", "Start the practice network, or see the one you are on."},
	}
}
