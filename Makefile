# The commands of the project; `make help` lists them.
#
# There are exactly two sets of Go build flags, so that the build cache serves
# everything: -trimpath for what is built and run, -trimpath -race for tests.

export GOFLAGS := -trimpath

GUI   := gui,migrated_fynedo
LINT  := go tool -modfile=build/tools/go.mod golangci-lint
WHICH := $(if $(AREA),-area $(AREA))
SETUP := build/setup.sh

.DEFAULT_GOAL := help
.PHONY: help build terminal window sandbox demo run test check fmt bench bench-full clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done

build: terminal sandbox window ## bin/sonm, bin/sonm-gui and the sandbox child with its engine beside it

terminal:
	@$(SETUP) base
	go build -o bin/sonm .

sandbox:
	@$(SETUP) base
	build/sandbox.sh bin

window:
	@$(SETUP) base gui
	go build -tags $(GUI) -o bin/sonm-gui .

demo: terminal sandbox ## three sellers render a scene and are paid, all on this computer
	bin/sonm demo -o demo.png

run: terminal sandbox window ## open the window
	bin/sonm-gui

test: ## everything that can be tested here; .ci/run calls it
	@$(SETUP) base guest gui test node
	build/test.sh

check: ## format, vet, lint, layers, unit tests: before each commit
	@$(SETUP) base gui
	@out=$$(gofmt -l $$(git ls-files '*.go' | grep -v '^contracts/gen/')); [ -z "$$out" ] || { echo "not formatted (make fmt):"; echo "$$out"; exit 1; }
	go vet ./...
	go vet -tags $(GUI) . ./ui/...
	$(LINT) run ./...
	$(LINT) run --build-tags $(GUI) . ./ui/...
	go test ./build/arch
	go test -short ./...

fmt: ## format as the checks want it
	$(LINT) fmt ./...

bench: ## measure: make bench [AREA=render]; tables and build/bench/results/<area>.json
	@$(SETUP) base guest bench
	@$(MAKE) --no-print-directory terminal sandbox
	go run ./build/bench $(WHICH)

bench-full: ## measure with as many runs as the slowest area needs
	@$(SETUP) base guest bench models node
	@$(MAKE) --no-print-directory terminal sandbox
	go run ./build/bench -full $(WHICH)

clean: ## remove what was built (not the Go build cache)
	rm -rf bin build/cache
