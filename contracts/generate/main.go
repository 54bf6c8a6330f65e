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
		fmt.Fprintln(os.Stderr, "usage: generate <forge output folder> <folder to write to>")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// contracts to bind. Both answer eip712Domain; the alias keeps the two result
// types from having one name in one package.
var contracts = []struct {
	name    string
	file    string
	aliases map[string]string
}{
	{name: "Escrow", file: "escrow.go"},
	{name: "SNM", file: "snm.go", aliases: map[string]string{"eip712Domain": "tokenDomain"}},
}

func generate(out, gen string) error {
	for _, c := range contracts {
		raw, err := os.ReadFile(filepath.Join(out, c.name+".sol", c.name+".json"))
		if err != nil {
			return err
		}
		var a artifact
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		code, err := abigen.BindV2([]string{c.name}, []string{string(a.ABI)}, []string{a.Bytecode.Object}, "gen", nil, c.aliases)
		if err != nil {
			return fmt.Errorf("bind %s: %w", c.name, err)
		}
		if err := os.WriteFile(filepath.Join(gen, c.file), []byte(code), 0o644); err != nil {
			return err
		}
	}
	return nil
}
