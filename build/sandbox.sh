#!/bin/sh
# Builds the sandbox child into OUT (default bin) so that the folder can be
# copied anywhere: OUT/sonm-sandbox and, where the native engine is built in,
# OUT/libwasmer.so beside it.
#
# The engine's Go package links its library by an absolute path into the module
# cache, which would leak the builder's folders and make a copy work on the
# builder's machine only. So the library is copied and the search path is
# replaced by $ORIGIN; the build fails if any other path is left.
#
# usage: build/sandbox.sh [OUT]     needs go, a C compiler, patchelf, readelf
set -eu
cd "$(dirname "$0")/.."
out=${1:-bin}
mkdir -p "$out"
go build -trimpath -ldflags='-s -w' -o "$out/sonm-sandbox" ./engine/sandbox/child
if [ "$(go env GOOS)" != linux ] || ! readelf -d "$out/sonm-sandbox" 2>/dev/null | grep -q 'libwasmer\.so'; then
  exit 0 # built without the native engine, or for a system whose packager does this
fi
lib=$(go list -m -f '{{.Dir}}' github.com/wasmerio/wasmer-go)/wasmer/packaged/lib/linux-amd64/libwasmer.so
rm -f "$out/libwasmer.so"
cp "$lib" "$out/libwasmer.so"
chmod 755 "$out/libwasmer.so"
patchelf --set-rpath '$ORIGIN' "$out/sonm-sandbox"
paths=$(readelf -d "$out/sonm-sandbox" | sed -n 's/.*(RUNPATH).*\[\(.*\)\].*/\1/p; s/.*(RPATH).*\[\(.*\)\].*/\1/p')
if [ "$paths" != '$ORIGIN' ]; then
  echo "build/sandbox.sh: the search path of sonm-sandbox is '$paths', want \$ORIGIN only" >&2
  exit 1
fi
