// Command generate writes the Go bindings of the contracts from what forge
// compiled. It uses go-ethereum's abigen as a library, so the version is the
// one the program itself links.
//
// Run it through contracts/build.sh; the result is committed, so that neither
// node nor a Solidity compiler is needed to build the program.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/accounts/abi/abigen"
)

// artifact is the part of forge's output that a binding needs.
type artifact struct {
	ABI      json.RawMessage `json:"abi"`
	Bytecode struct {
		Object string `json:"object"`
	} `json:"bytecode"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: generate <forge output folder> <file to write>")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(out, file string) error {
	names := []string{"Escrow", "SNM"}
	var abis, codes []string
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(out, name+".sol", name+".json"))
		if err != nil {
			return err
		}
		var a artifact
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		abis, codes = append(abis, string(a.ABI)), append(codes, a.Bytecode.Object)
	}
	code, err := abigen.BindV2(names, abis, codes, "gen", nil, nil)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return os.WriteFile(file, []byte(code), 0o644)
}
