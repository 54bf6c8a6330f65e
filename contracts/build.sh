#!/bin/sh
# Compiles the contracts and writes contracts/gen. Needs node and npm; what it
# writes is committed, so only somebody who changes a contract runs it.
set -eu
cd "$(dirname "$0")"

[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund
# The native binary: npm's wrapper exits 0 when a test fails.
node_modules/@foundry-rs/forge-linux-amd64/bin/forge build --quiet
cd .. && go run ./contracts/generate contracts/out contracts/gen
