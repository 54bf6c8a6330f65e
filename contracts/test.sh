#!/bin/sh
# Runs the contract tests: exit status 0 only if all of them pass and the gas
# they use is what contracts/snapshots says (SNAPSHOT=write to accept a change).
set -eu
cd "$(dirname "$0")"

npm ci --ignore-scripts --no-audit --no-fund
if [ "${SNAPSHOT:-check}" = check ]; then
	export FORGE_SNAPSHOT_CHECK=true
fi
# The native binary: npm's wrapper exits 0 when a test fails.
exec node_modules/@foundry-rs/forge-linux-amd64/bin/forge test "$@"
