package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sonm/app"
	"sonm/app/event"
	"sonm/engine/fog"
)

func sellCommand(opt *options) *cobra.Command {
	var price string
	var req app.SellRequest
	var tied bool
	cmd := &cobra.Command{
		Use:   "sell",
		Short: "Sell this computer's idle time until stopped with Ctrl-C",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if req.Price, err = priceFlag("--price", price); err != nil {
				return err
			}
			ctx, cancel := tie(cmd, tied)
			defer cancel()
			link := app.NewLink(opt.config(cmd))
			defer link.Close()
			say := sellLog{cmd, opt.json}
			return link.Sell(ctx, req, say.fact)
		},
	}
	f := cmd.Flags()
	f.StringVar(&price, "price", app.DefaultPrice, "SNM per 1,000,000,000 units of work")
	f.IntVar(&req.Slots, "slots", 0, "tasks worked on at once (default: one per processor core)")
	f.StringSliceVar(&req.Engines, "engine", nil, "WebAssembly engines to try in this order: wasmer, wasmtime, wazero (default: the fastest that works)")
	f.StringVar(&req.Level, "level", "", "take strangers' work only if it is locked down this far: open, limited, filtered, walled (default: filtered)")
	tiedFlag(cmd, &tied)
	return cmd
}

// sellLog tells a person, or with --json a program, what the seller does.
type sellLog struct {
	cmd  *cobra.Command
	json bool
}

func (l sellLog) fact(f fog.Fact) {
	if l.json {
		printFact(l.cmd, f)
		return
	}
	line := func(format string, args ...any) {
		fmt.Fprintf(l.cmd.OutOrStdout(), time.Now().Format("15:04:05 ")+format+"\n", args...)
	}
	switch f := f.(type) {
	case fog.SandboxReady:
		line("Strangers' work is locked in on this computer: %s.", levelWords(f.Level))
	case fog.EngineChanged:
		line("Note: the work goes on in %s, as %s cannot do it (%s).", f.To, f.From, f.Reason)
	case fog.AskPublished:
		line("Offering this computer at %s SNM per 1,000,000,000 units. Waiting for work; Ctrl-C stops.", f.Price)
	case fog.DealAccepted:
		line("Job accepted from %s.", f.Buyer)
	case fog.DealRefused:
		line("A job was refused: %s", f.Reason)
	case fog.TaskFinished:
		line("Task %d done in %s: %d units.", f.Index, f.Engine, f.Work)
	case fog.TaskFailed:
		line("Task %d could not be done: %s", f.Index, f.Reason)
	case fog.DealClosed:
		line("Job finished: %d tasks, paid %s SNM.", f.Tasks, f.Paid)
	}
}

// levelWords says what a level is for the owner of the computer.
func levelWords(l fog.Level) string {
	switch l {
	case fog.LevelWalled:
		return "no files, no network, no other programs, by two walls (walled)"
	case fog.LevelFiltered:
		return "no files, no network, no other programs (filtered)"
	case fog.LevelLimited:
		return "it is bounded in what it uses, no more (limited)"
	default:
		return "not at all (" + l.String() + ")"
	}
}

// printFact prints a fact as one line of JSON. A reader that has left is no
// reason to stop working.
func printFact(cmd *cobra.Command, f fog.Fact) {
	_ = printJSON(cmd, map[string]any{"kind": strings.TrimPrefix(fmt.Sprintf("%T", f), "fog."), "fact": f})
}

func priceFlag(name, text string) (fog.Amount, error) {
	a, err := fog.ParseAmount(text)
	if err != nil || a.IsZero() {
		return a, &event.Problem{Code: "flags", What: fmt.Sprintf("%s: %q is not a price above zero such as 0.5.", name, text), Cause: err}
	}
	return a, nil
}
