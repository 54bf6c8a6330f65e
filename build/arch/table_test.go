package arch_test

import "sonm/build/arch"

// rules is the table of the tree. Imports point one way: main -> ui, app;
// app -> engine, wallet, assets; engine/* -> engine/fog. Engine and wallet know
// neither each other nor ui; they meet in app/settle. Change a line only with
// the reason in the commit.
var rules = arch.Rules{
	Module: "sonm",
	Layers: layers(),
	Never:  never(),
	Homes:  homes,
	Skip: []string{
		"engine/guest",  // programs for another machine: the sandbox's guests
		"contracts/gen", // generated
	},
}

// mechanisms of the engine know the nouns and nothing of each other; a role
// (buyer, worker) passes one's output to the next.
var mechanisms = []string{
	"wire", "blob", "apps", "market", "lease", "gpu", "monitor", "proof", "trust", "pay", "agent",
}

// pure packages take no clock, network, disk or randomness.
var pure = []string{"job", "gltf", "market", "lease", "proof", "trust", "pay", "agent"}

func layers() map[string][]string {
	adapter := []string{"engine/fog", "engine/sandbox", "engine/sandbox/frame", "engine/sandbox/gate", "engine/sandbox/wasi"}
	l := map[string][]string{
		".": {"app", "app/cli", "ui/desktop"},

		"ui":         {"ui/...", "app/event", "app/config", "engine/fog", "assets/..."},
		"ui/view":    {"app/event", "app/config", "engine/fog"},
		"ui/theme":   {"assets/..."},
		"ui/widget":  {"ui/theme", "assets/..."},
		"ui/screen":  {"ui/theme", "ui/widget", "ui/view", "app/event", "app/config", "engine/fog", "assets/..."},
		"app":        {"app/...", "engine/...", "wallet/...", "assets/..."},
		"app/cli":    {"app", "app/event", "app/config", "engine/fog"},
		"app/event":  {"engine/fog"},
		"app/config": {},
		"app/dial":   {},
		"app/store":  {"engine/fog"},
		"app/settle": {"engine/fog", "wallet/..."},

		"engine":                  {"engine/..."},
		"engine/fog":              {},
		"engine/p2p":              {"engine/fog", "engine/wire/..."},
		"engine/wire":             {"engine/fog", "engine/wire/..."},
		"engine/job":              {"engine/fog", "engine/apps", "engine/job/..."},
		"engine/gltf":             {"engine/gltf/draco", "engine/gltf/meshopt"},
		"engine/gltf/draco":       {},
		"engine/gltf/meshopt":     {},
		"engine/sandbox":          {"engine/fog", "engine/sandbox", "engine/sandbox/frame"},
		"engine/sandbox/gate":     {"engine/fog", "engine/sandbox"},
		"engine/sandbox/jail":     {"engine/fog"},
		"engine/sandbox/wasi":     {"engine/fog", "engine/sandbox"},
		"engine/sandbox/wasmer":   adapter,
		"engine/sandbox/wazero":   adapter,
		"engine/sandbox/wasmtime": adapter,
		"engine/sandbox/wasitest": {"engine/fog", "engine/sandbox", "engine/sandbox/gate", "engine/sandbox/wasi"}, // test cases run in it
		"engine/sandbox/spectest": {"engine/sandbox", "engine/sandbox/gate"},                                      // which rewrites the scripts' modules, too
		"engine/sandbox/host":     {"engine/fog", "engine/sandbox", "engine/sandbox/frame", "engine/sandbox/gate", "engine/sandbox/jail", "engine/sandbox/wasi"},
		"engine/sandbox/child":    {"engine/fog", "engine/sandbox/..."},

		"engine/sandbox/wasmtime/child": {"engine/fog", "engine/sandbox/..."},

		"wallet":    {"wallet/...", "contracts/gen/...", "engine/fog"},
		"contracts": {},
		"assets":    {"assets/..."},

		"build":           {},
		"build/e2e/cheat": {"app", "engine/fog", "engine/fogtest", "engine/job", "engine/worker"}, // a program for tests
		"build/bench":     {"app/...", "engine/...", "wallet/...", "contracts/gen/...", "assets/..."},
	}
	for _, m := range mechanisms {
		if _, own := l["engine/"+m]; !own {
			l["engine/"+m] = []string{"engine/fog"}
		}
	}
	return l
}

func never() map[string][]string {
	n := map[string][]string{
		"ui/view":    {"fyne.io/fyne/v2", "os", "net"},
		"engine/fog": {"os", "net", "context", "sync"},
		"wallet":     {"engine/job", "engine/p2p", "engine/sandbox", "app", "ui"},
		"engine":     {"wallet", "app", "ui", "contracts/gen"},
	}
	for _, p := range pure {
		n["engine/"+p] = []string{"os", "net", "sync", "crypto/rand", "math/rand"}
	}
	return n
}

// homes: one package owns each heavy dependency.
var homes = map[string][]string{
	"fyne.io/fyne/v2":                     {"ui"},
	"fyne.io/fyne/v2/app":                 {"ui/desktop"},
	"github.com/libp2p":                   {"engine/p2p"},
	"github.com/multiformats":             {"engine/p2p"},
	"github.com/wasmerio/wasmer-go":       {"engine/sandbox/wasmer"},
	"github.com/tetratelabs/wazero":       {"engine/sandbox"},
	"github.com/bytecodealliance":         {"engine/sandbox/wasmtime"},
	"github.com/landlock-lsm/go-landlock": {"engine/sandbox"},
	"github.com/elastic/go-seccomp-bpf":   {"engine/sandbox"},
	"github.com/cogentcore/webgpu":        {"engine/gpu"},
	"github.com/shirou/gopsutil":          {"engine/monitor"},
	"github.com/ethereum/go-ethereum":     {"wallet", "contracts"},
	"github.com/tyler-smith/go-bip39":     {"wallet"},
	"modernc.org/sqlite":                  {"app/store"},
	"database/sql":                        {"app/store"},
	"github.com/spf13/cobra":              {"app/cli"},
	"github.com/schollz/progressbar":      {"app/cli"},
	"github.com/thejerf/suture":           {"app"},
	"google.golang.org/protobuf":          {"engine/wire", "engine/p2p"},
}
