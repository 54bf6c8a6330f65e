package devnet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"sonm/wallet/chain"
	"sonm/wallet/devnet"
)

// dirVariable makes this program serve a chain instead of running tests, so
// that a test can kill it.
const dirVariable = "SONM_TEST_CHAIN"

func TestMain(m *testing.M) {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	err := devnet.Serve(context.Background(), devnet.Config{Dir: dir, Ready: func(n chain.Network) {
		text, _ := json.Marshal(n) // of our own struct
		fmt.Println(string(text))
	}})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// process serves dir in a process of its own.
func process(t *testing.T, dir string) (chain.Network, *exec.Cmd) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), dirVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var n chain.Network
	if err := json.Unmarshal(line, &n); err != nil {
		t.Fatal(err)
	}
	return n, cmd
}

func TestWhatWasAnsweredOutlivesAKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		n, cmd := process(t, dir)
		c := dial(t, n)
		key := funded(t, c)
		var ids []common.Hash
		for nonce := range uint64(4) {
			id := call[common.Hash](t, c, "eth_sendRawTransaction", transfer(t, n, key, nonce, 1e10))
			awaited(t, c, id)
			ids = append(ids, id)
		}
		head := call[hexutil.Uint64](t, c, "eth_blockNumber")
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // says "killed"

		again, stop := start(t, dir)
		c = dial(t, again)
		if got := call[hexutil.Uint64](t, c, "eth_blockNumber"); got < head {
			t.Errorf("round %d: head %d after a kill, %d before", round, got, head)
		}
		for _, id := range ids {
			if call[*types.Receipt](t, c, "eth_getTransactionReceipt", id) == nil {
				t.Errorf("round %d: receipt of %v was answered and is gone", round, id)
			}
		}
		funded(t, c)
		stop()
	}
}
