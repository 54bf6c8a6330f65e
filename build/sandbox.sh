#!/bin/sh
# Builds the sandbox children into OUT (default bin) so that the folder can be
# copied anywhere: OUT/sonm-sandbox, OUT/sonm-sandbox-wasmtime and, where wasmer
# is built in, OUT/libwasmer.so beside them.
#
# wasmer's Go package links its library by an absolute path into the module
# cache, which would leak the builder's folders and make a copy work on the
# builder's machine only. So the library is copied and the search path is
# replaced by $ORIGIN; the build fails if any other path is left.
#
# usage: build/sandbox.sh [OUT]     needs go, a C compiler, patchelf, readelf
set -eu
cd "$(dirname "$0")/.."
out=${1:-bin}
mkdir -p "$out"

# build NAME PACKAGE
build() { go build -trimpath -ldflags='-s -w' -o "$out/$1" "./engine/sandbox/$2"; }

# search NAME: the library search paths in a program, one per line.
search() { readelf -d "$out/$1" 2>/dev/null | sed -n 's/.*(R\(UN\)\{0,1\}PATH).*\[\(.*\)\].*/\2/p'; }

build sonm-sandbox child
build sonm-sandbox-wasmtime wasmtime/child
if [ "$(go env GOOS)" != linux ] || ! readelf -d "$out/sonm-sandbox" 2>/dev/null | grep -q 'libwasmer\.so'; then
  exit 0 # built without wasmer, or for a system whose packager does this
fi
lib=$(go list -m -f '{{.Dir}}' github.com/wasmerio/wasmer-go)/wasmer/packaged/lib/linux-amd64/libwasmer.so
rm -f "$out/libwasmer.so"
cp "$lib" "$out/libwasmer.so"
chmod 755 "$out/libwasmer.so"
patchelf --set-rpath '$ORIGIN' "$out/sonm-sandbox"
if [ "$(search sonm-sandbox)" != '$ORIGIN' ] || [ -n "$(search sonm-sandbox-wasmtime)" ]; then
  echo "build/sandbox.sh: search paths '$(search sonm-sandbox)' and '$(search sonm-sandbox-wasmtime)', want \$ORIGIN only and none" >&2
  exit 1
fi
