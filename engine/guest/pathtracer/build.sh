#!/bin/sh
# build.sh [OUT]: compiles the path tracer to WebAssembly, the same bytes on
# every machine that has the pinned compiler: Debian's clang-16 16.0.6 with
# lld-16, wasi-libc 0.0~git20220510, libc++-16-dev-wasm32, libc++abi-16-dev-wasm32,
# libclang-rt-16-dev-wasm32 and libstb-dev 0.0~git20220908.
# One translation unit, no debug sections, no paths, no times. Vectors of three
# packed into lanes by the compiler are slower than single floats: no SLP.
# Compiled and linked apart: a clang that links at -O3 runs whatever wasm-opt it
# finds, and the module is slower after that.
set -eu
cd "$(dirname "$0")"
out=${1:-../../../assets/apps/pathtracer/module.wasm}
mkdir -p "$(dirname "$out")"
# stb_image.h is the one header taken from the host's own include folder: it is
# copied aside so that no other host header can be found beside it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/stb"
cp /usr/include/stb/stb_image.h "$work/stb/"
wasi="${CLANG:-clang-16} --target=wasm32-wasi --sysroot=/usr"
$wasi -c -nostdinc++ -isystem /usr/lib/llvm-16/include/wasm32-wasi/c++/v1 -isystem "$work" \
  -std=c++20 -O3 -fno-slp-vectorize -msimd128 -fno-exceptions -fno-rtti -ffp-contract=off -fvisibility=hidden \
  -fno-ident -fno-threadsafe-statics -ffile-prefix-map="$PWD"=. -Wall -Wextra -Wno-unused-parameter \
  src/guest.cpp -o "$work/guest.o"
$wasi -mexec-model=reactor -Wl,--max-memory=2147483648 -Wl,-z,stack-size=1048576 -Wl,--strip-all \
  "$work/guest.o" -o "$out" -L/usr/lib/llvm-16/lib/wasm32-wasi -L/usr/lib/wasm32-wasi -lc++ -lc++abi
