package e2e_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sonm/engine/fog"
)

// bin is the folder of the built program, made once for all tests.
var bin string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped: these tests start whole networks; run them without -short")
		return 0
	}
	dir, err := os.MkdirTemp("", "sonm-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "bin")
	for _, args := range [][]string{{"go", "build", "-o", filepath.Join(bin, "sonm"), "../.."}, {"../sandbox.sh", bin}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", args, err, out)
			return 1
		}
	}
	return m.Run()
}

// summary is the terminal contract of `sonm demo --json`.
type summary struct {
	Job      string  `json:"job"`
	Film     string  `json:"film"`
	Out      string  `json:"out"`
	Width    int     `json:"width"`
	Height   int     `json:"height"`
	Samples  int     `json:"samples"`
	Tasks    int     `json:"tasks"`
	Checked  int     `json:"checked"`
	Wall     float64 `json:"wall_s"`
	Uploaded uint64  `json:"uploaded"`
	Gas      uint64  `json:"gas"`
	Sellers  []struct {
		Peer    string     `json:"peer"`
		Address string     `json:"address"`
		Tasks   int        `json:"tasks"`
		Paid    fog.Amount `json:"paid"`
	} `json:"sellers"`
	Buyer struct {
		Address  string     `json:"address"`
		Locked   fog.Amount `json:"locked"`
		Spent    fog.Amount `json:"spent"`
		Fee      fog.Amount `json:"fee"`
		Refunded fog.Amount `json:"refunded"`
	} `json:"buyer"`
	Engine map[string]int `json:"engine"`
}

// sonm runs the program with a home and a temporary folder of the test's own.
func sonm(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "sonm"), args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// demo runs `sonm demo`, checks what always holds, and returns the summary.
func demo(t *testing.T, args ...string) summary {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.exr")
	stdout, stderr, err := sonm(t, append([]string{"demo", "--json", "-o", out}, args...)...)
	if err != nil {
		t.Fatalf("sonm demo %v: %v\n%s%s", args, err, stdout, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var s summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("last line of standard output: %v\n%s", err, stdout)
	}
	checkSums(t, s)
	return s
}

// checkSums holds for every finished job: money adds up to the last digit, and
// every task was done by somebody in some engine.
func checkSums(t *testing.T, s summary) {
	t.Helper()
	sum, tasks := s.Buyer.Fee, 0
	for _, x := range s.Sellers {
		sum = sum.Add(x.Paid)
		tasks += x.Tasks
		if (x.Tasks > 0) == x.Paid.IsZero() {
			t.Errorf("seller %s did %d tasks and was paid %s", x.Address, x.Tasks, x.Paid)
		}
	}
	if sum != s.Buyer.Spent {
		t.Errorf("paid + fee = %s, spent = %s", sum, s.Buyer.Spent)
	}
	if got := s.Buyer.Spent.Add(s.Buyer.Refunded); got != s.Buyer.Locked {
		t.Errorf("spent + refunded = %s, locked = %s", got, s.Buyer.Locked)
	}
	if tasks != s.Tasks {
		t.Errorf("sellers did %d tasks of %d", tasks, s.Tasks)
	}
	ran := 0
	for _, n := range s.Engine {
		ran += n
	}
	if ran != s.Tasks {
		t.Errorf("engines ran %d tasks of %d", ran, s.Tasks)
	}
	if s.Uploaded == 0 || s.Gas == 0 || s.Buyer.Spent.IsZero() {
		t.Errorf("uploaded %d bytes, used %d gas, spent %s; none of them can be zero", s.Uploaded, s.Gas, s.Buyer.Spent)
	}
}

// ratio is a/b.
func ratio(a, b fog.Amount) float64 {
	r, _ := new(big.Rat).SetFrac(a.Big(), b.Big()).Float64()
	return r
}
