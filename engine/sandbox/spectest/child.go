package spectest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// variable hands a part to the process that is to play it.
const variable = "SONM_SPECTEST_PART"

// patience is far more than the longest script takes.
const patience = time.Minute

// part is a script from a command on. Those it is to leave out took a process
// with them.
type part struct {
	Dir, File string
	From      int
	Without   []int
}

// verdict is on one command; Skipped and Fault are both empty if it passed.
type verdict struct {
	Command int
	Skipped bool
	Fault   string
}

// Run is for TestMain: it plays a part if the process was started for that,
// and runs the tests otherwise. It answers the process's exit code.
func Run(tests interface{ Run() int }, o Options) int {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return tests.Run()
	}
	var p part
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		err = p.perform(o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// perform writes a line before each command that it plays again, one when it
// begins, one for each verdict and one at the end. Nothing is buffered: a
// crash must not take a verdict with it.
func (p part) perform(o Options, to io.Writer) error {
	s, err := load(p.Dir, p.File)
	if err != nil {
		return err
	}
	pl, err := newPlayer(o, s)
	if err != nil {
		return err
	}
	if err := pl.again(p.From, p.Without, to); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(to, "begin"); err != nil {
		return err
	}
	for n := p.From; n < len(s.Commands); n++ {
		word, fault := "pass", pl.play(n)
		switch {
		case errors.Is(fault, errText):
			word = "skip"
		case fault != nil:
			word = "fail"
		}
		if _, err := fmt.Fprintf(to, "%s %d %q\n", word, n, fmt.Sprint(fault)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(to, "end")
	return err
}

// rounds is how often a script that crashed is played again at its end. Some
// crashes hang on where the system has put the stack and happen nearly, but
// not quite, every time: one more round leaves one chance in thousands that a
// list of failures differs from the last.
const rounds = 2

// play has processes play a script to its end and gives a verdict for each
// command. A command that passed and takes a process with it when it is played
// again has failed.
func play(ctx context.Context, dir, file string, commands int) ([]verdict, error) {
	p := part{Dir: dir, File: file}
	var all []verdict
	for quiet := 0; ; {
		run, err := p.process(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s from command %d: %w", file, p.From, err)
		}
		all = append(all, run.verdicts...)
		switch {
		case run.crash == "" && len(all) != commands:
			return nil, fmt.Errorf("%s: %d verdicts on %d commands", file, len(all), commands)
		case run.crash == "" && (len(p.Without) == 0 || quiet == rounds):
			return all, nil
		case run.crash == "":
			quiet++
			p.From = commands
			continue
		}
		quiet = 0
		fatal := verdict{Command: run.at, Fault: run.crash}
		if run.at < len(all) {
			all[run.at] = fatal
		} else {
			all = append(all, fatal)
		}
		p.From, p.Without = len(all), append(p.Without, run.at)
	}
}

// performance is what became of a part.
type performance struct {
	verdicts []verdict
	ended    bool
	at       int    // the command under way, or about to be
	crash    string // how it ended before its end
}

func (p part) process(ctx context.Context) (performance, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var run performance
	self, err := os.Executable()
	if err != nil {
		return run, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return run, err
	}
	var says strings.Builder
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), variable+"="+string(text))
	cmd.Stderr = &says
	out, err := cmd.StdoutPipe()
	if err != nil {
		return run, err
	}
	if err := cmd.Start(); err != nil {
		return run, err
	}
	run = p.follow(out)
	err = cmd.Wait()
	switch {
	case run.ended:
	case run.at < 0:
		return run, fmt.Errorf("it did not begin: %w: %s", err, says.String())
	case ctx.Err() != nil:
		run.crash = "crash: no end"
	default:
		run.crash = "crash: " + cause(says.String())
	}
	return run, nil
}

// follow reads what perform writes.
func (p part) follow(from io.Reader) performance {
	run := performance{at: -1}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "again":
			n, err := strconv.Atoi(rest)
			if err != nil {
				return run // as good as a crash
			}
			run.at = n
		case "begin":
			run.at = p.From
		case "end":
			run.ended = true
		case "pass", "skip", "fail":
			number, text, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(number)
			fault, err2 := strconv.Unquote(text)
			if err != nil || err2 != nil {
				return run
			}
			v := verdict{Command: n, Skipped: word == "skip"}
			if word == "fail" {
				v.Fault = fault
			}
			run.verdicts = append(run.verdicts, v)
			run.at = n + 1
		}
	}
	return run
}

// cause is the first line of what a dying process says that is not empty.
func cause(says string) string {
	for line := range strings.Lines(says) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "in silence"
}
