package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sonm/app"
	"sonm/engine/fog"
)

// progress shows a job's facts to a person: a line per step and a bar. With
// --json nothing but the last line goes to standard output.
type progress struct {
	cmd  *cobra.Command
	json bool
	err  io.Writer
	bar  *progressbar.ProgressBar
	live bool // standard error is a terminal
}

func newProgress(cmd *cobra.Command, opt *options) *progress {
	p := &progress{cmd: cmd, json: opt.json, err: cmd.ErrOrStderr()}
	if f, ok := p.err.(*os.File); ok {
		p.live = term.IsTerminal(int(f.Fd()))
	}
	return p
}

// fact shows one fact. The caller sends them one at a time.
func (p *progress) fact(f fog.Fact) {
	switch f := f.(type) {
	case fog.Waited:
		p.line("%s", f.Reason)
	case fog.Inspected:
		p.line("Scene: %s triangles (%s stored).", thousands(f.Drawn), thousands(f.Unique))
		for _, w := range f.Warnings {
			p.line("Note: %s", w)
		}
	case fog.Quoted:
		p.line("Price: about %s SNM, never more than %s, from %d seller(s).", f.Expected, f.Max, f.Sellers)
	case fog.Locked:
		p.line("Set aside for this job: %s SNM.", f.Max)
	case fog.SellerLost:
		p.line("A seller left the job: %s", f.Reason)
	case fog.TaskChecked:
		if !f.OK {
			p.line("A seller delivered a wrong tile and was dropped: %s", f.Why)
		}
	case fog.TaskDone:
		p.task(f)
	case fog.FrameDone:
		p.line("Frame %d is done: %d of %d.", f.Frame, f.Done, f.Total)
	}
}

func (p *progress) task(f fog.TaskDone) {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(f.Total, progressbar.OptionSetWriter(p.barWriter()), progressbar.OptionSetDescription("Rendering"),
			progressbar.OptionShowCount(), progressbar.OptionSetWidth(40), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	}
	_ = p.bar.Set(f.Done) // a bar that cannot draw is no reason to stop
}

// barWriter hides the bar where nobody could see it move.
func (p *progress) barWriter() io.Writer {
	if p.live {
		return p.err
	}
	return io.Discard
}

func (p *progress) line(format string, args ...any) {
	if p.bar != nil && p.live {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.err, format+"\n", args...)
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// summary prints the end of a job.
func (p *progress) summary(s app.Summary) error {
	if p.json {
		return printJSON(p.cmd, s)
	}
	w := tabwriter.NewWriter(p.cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nSeller\tAddress\tTasks\tPaid (SNM)\n")
	for _, x := range s.Sellers {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", shortPeer(x.Peer), x.Address, x.Tasks, x.Paid)
	}
	fmt.Fprintf(w, "\t\t\t\nFees\t\t\t%s\n", s.Buyer.Fee)
	fmt.Fprintf(w, "Spent\t\t%d\t%s\n", s.Tasks, s.Buyer.Spent)
	fmt.Fprintf(w, "Set aside\t\t\t%s\n", s.Buyer.Locked)
	fmt.Fprintf(w, "Given back\t\t\t%s\n", s.Buyer.Refunded)
	if err := w.Flush(); err != nil {
		return err
	}
	frames := ""
	if s.Frames > 0 {
		frames = fmt.Sprintf("%d frames of ", s.Frames)
	}
	fmt.Fprintf(p.cmd.OutOrStdout(), "\n%s%dx%d, %d samples per pixel in %.1f s; %d tasks (%s), %d checked; %d gas.\nFilm %s\nPicture: %s\n",
		frames, s.Width, s.Height, s.Samples, s.Wall, s.Tasks, s.Engine, s.Checked, s.Gas, s.Film, s.Out)
	if s.Denoised {
		fmt.Fprintln(p.cmd.OutOrStdout(), "It is denoised: what was rendered has more noise, and the same light.")
	}
	return nil
}

func shortPeer(id fog.PeerID) string {
	if len(id) > 10 {
		return "…" + string(id[len(id)-8:])
	}
	return string(id)
}

// thousands writes 37600 as 37,600.
func thousands(n uint64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
