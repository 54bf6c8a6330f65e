#!/bin/sh
# Builds the program for Windows on Linux into OUT (default bin/windows):
# sonm.exe, sonm-gui.exe (no console window), and the sandbox children
# sonm-sandbox.exe and sonm-sandbox-wasmtime.exe. All C code is linked in, so
# that the folder needs nothing but Windows 10 or later on x86-64.
#
# The same sources and compilers give the same bytes: no paths, no build ids of
# the linkers, no time in the headers. wasmer has no library for Windows.
#
# usage: build/windows.sh [OUT]     needs go; installs the cross compiler as
#                                   build/setup.sh does
set -eu
cd "$(dirname "$0")/.."
out=${1:-bin/windows}
build/setup.sh windows
mkdir -p "$out"
export GOOS=windows GOARCH=amd64 CC=x86_64-w64-mingw32-gcc GOFLAGS='-trimpath -buildvcs=false'
static="-s -w -buildid= -extldflags '-static -Wl,--no-insert-timestamp'"

# build NAME CGO FLAGS PACKAGE [ARGUMENT...]
build() {
  name=$1 cgo=$2 flags=$3 package=$4
  shift 4
  CGO_ENABLED=$cgo go build -ldflags="$flags" "$@" -o "$out/$name.exe" "$package"
}

build sonm-sandbox 0 '-s -w -buildid=' ./engine/sandbox/child
build sonm-sandbox-wasmtime 1 "$static" ./engine/sandbox/wasmtime/child
build sonm 1 "$static" .
build sonm-gui 1 "$static -H windowsgui" . -tags gui,migrated_fynedo
