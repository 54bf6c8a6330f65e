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

// perform writes a line when it begins, one for each verdict and one at the
// end. Nothing is buffered: a crash must not take a verdict with it.
func (p part) perform(o Options, to io.Writer) error {
	s, err := load(p.Dir, p.File)
	if err != nil {
		return err
	}
	pl, err := newPlayer(o, s)
	if err != nil {
		return err
	}
	pl.again(p.From, p.Without)
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

// play has processes play a script to its end and gives a verdict for each
// command.
func play(ctx context.Context, dir, file string, commands int) ([]verdict, error) {
	p := part{Dir: dir, File: file}
	var all []verdict
	for {
		some, crash, err := p.process(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s from command %d: %w", file, p.From, err)
		}
		all = append(all, some...)
		if crash == "" && len(all) == commands {
			return all, nil
		}
		if crash == "" || len(all) >= commands {
			return nil, fmt.Errorf("%s: %d verdicts on %d commands, %s", file, len(all), commands, crash)
		}
		n := len(all)
		all = append(all, verdict{Command: n, Fault: crash})
		if len(all) == commands {
			return all, nil
		}
		p.From, p.Without = n+1, append(p.Without, n)
	}
}

// process plays a part until the end or a crash, and says what crashed.
func (p part) process(ctx context.Context) ([]verdict, string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, "", err
	}
	var says strings.Builder
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), variable+"="+string(text))
	cmd.Stderr = &says
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	all, begun, ended := verdicts(out)
	err = cmd.Wait()
	switch {
	case ended:
		return all, "", nil
	case ctx.Err() != nil:
		return all, "crash: no end", nil
	case !begun:
		return nil, "", fmt.Errorf("it did not begin: %w: %s", err, says.String())
	default:
		return all, "crash: " + cause(says.String()), nil
	}
}

func verdicts(from io.Reader) (all []verdict, begun, ended bool) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "begin":
			begun = true
		case "end":
			ended = true
		case "pass", "skip", "fail":
			number, text, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(number)
			fault, err2 := strconv.Unquote(text)
			if err != nil || err2 != nil {
				return all, begun, false // as good as a crash
			}
			v := verdict{Command: n, Skipped: word == "skip"}
			if word == "fail" {
				v.Fault = fault
			}
			all = append(all, v)
		}
	}
	return all, begun, ended
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
