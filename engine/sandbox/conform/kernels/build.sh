#!/bin/sh
# build.sh [OUT]: compiles the kernels to WebAssembly, the same bytes on every
# machine that has Debian's clang-16 16.0.6 with lld-16 and wasi-libc
# 0.0~git20220510.
# build.sh -native OUT: compiles them with gcc -O3 to native programs.
set -eu
cd "$(dirname "$0")"
kernels='pathtracer nbody sha256 matmul hashjoin mandelbrot triad'
if [ "${1:-}" = -native ]; then
  mkdir -p "$2"
  for k in $kernels; do
    ${CC:-gcc} -std=c11 -D_GNU_SOURCE -O3 -ffp-contract=off -fno-math-errno -Wall -Wextra -o "$2/$k" "$k.c" harness.c -lm
  done
  exit 0
fi
out=${1:-../testdata}
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wasi="${CLANG:-clang-16} --target=wasm32-wasi --sysroot=/usr"
# Compiled and linked apart: a clang that links at -O3 runs whatever wasm-opt it
# finds, and the bytes are others after that.
compile() {
  $wasi -c -std=c11 -O3 -msimd128 -ffp-contract=off -fno-math-errno -fvisibility=hidden -fno-ident \
    -ffile-prefix-map="$PWD"=. -Wall -Wextra -Wno-unused-parameter "$1.c" -o "$work/$1.o"
}
compile guest
for k in $kernels; do
  compile "$k"
  $wasi -mexec-model=reactor -Wl,--max-memory=536870912 -Wl,-z,stack-size=65536 -Wl,--stack-first -Wl,--strip-all \
    "$work/$k.o" "$work/guest.o" -o "$out/$k.wasm" -L/usr/lib/llvm-16/lib/wasm32-wasi -L/usr/lib/wasm32-wasi
done
