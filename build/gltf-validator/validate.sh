#!/bin/sh
# validate.sh DIR: checks every .glb of a folder with Khronos' glTF validator
# (npm, pinned by the lock file) and prints one line for each error. Exits 1 if
# there was one.
set -eu
cd "$(dirname "$0")"
[ -d node_modules/gltf-validator ] || npm ci --silent --ignore-scripts --no-audit --no-fund
exec node validate.js "$1"
