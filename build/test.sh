#!/usr/bin/env bash
# Runs every test of the project and prints a closing line "N passed, N failed,
# N skipped". Exits 1 when anything failed, and when nothing ran.
set -uo pipefail
cd "$(dirname "$0")/.."
export GOFLAGS=-trimpath
gui=gui,migrated_fynedo

# Packages that run without the race detector, as they compute rather than
# share: the engines' conformance suites, guest programs. The window runs both
# with it and, for its pictures and its display, without.
norace='^sonm/(ui(/.*)?|engine/guest(/.*)?|engine/sandbox/(spectest|wasitest|conform).*)$'

# Packages that start programs which they build themselves: go test does not see
# that a program has changed, and would repeat what it found the last time.
built='^sonm/(app|build/e2e|engine/sandbox|engine/sandbox/conform)$'

# step NAME COMMAND...: the command counts as one test of its own.
step() {
  local name=$1 result=pass
  shift
  echo "== $name"
  "$@" || result=fail
  printf '{"Action":"%s","Package":"step","Test":"%s"}\n' $result "$name"
}

# suite NAME COMMAND...: the command prints go test's own events.
suite() {
  local name=$1 result=done
  shift
  echo "== $name"
  "$@" || result=broke
  printf '{"Action":"%s","Package":"suite %s"}\n' $result "$name"
}

all() {
  local packages
  packages=$(go list ./...) || { step "list of packages" false; return; }
  [ -x contracts/test.sh ] && step contracts contracts/test.sh
  step vet go vet ./...
  step "vet, window" go vet -tags $gui . ./ui/...
  suite layers go test -json ./build/arch
  suite "race detector on" go test -json -race -timeout 30m $(grep -vE "$norace|$built|^sonm/build/arch$" <<<"$packages")
  suite "programs, race detector on" go test -json -race -count=1 -timeout 30m $(grep -E "$built" <<<"$packages" | grep -vE "$norace")
  local plain
  plain=$(grep -E "$norace" <<<"$packages" | grep -vE '^sonm/ui(/|$)')
  plain=$(grep -vE "$built" <<<"$plain")
  [ -z "$plain" ] || suite "race detector off" go test -json $plain
  suite "programs, race detector off" go test -json -count=1 $(grep -E "$built" <<<"$packages" | grep -E "$norace")
  suite "window, race detector on" go test -json -race $(grep -E '^sonm/ui(/|$)' <<<"$packages" | grep -v '/desktop$')
  suite window go test -json -tags $gui ./ui/...
  suite "fogs in memory, all seeds" go test -json ./engine/buyer
}

mkdir -p build/cache
go build -o build/cache/tally ./build/tally || exit 1
all 2>&1 | build/cache/tally
