#!/bin/sh
# Rebuilds the guests of the conformance suite next to their sources.
# Needs clang-16, lld-16 and wasi-libc (for the headers of clang alone).
set -eu
cd "$(dirname "$0")"
cc() {
  out=$1 src=$2
  shift 2
  clang-16 --target=wasm32-unknown-unknown -nostdlib -ffreestanding -O2 -Wall -Wno-unused-function \
    -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first "$@" -o "$out.wasm" "$src.c"
}
max=-Wl,--max-memory=67108864
cc all all "$max"
cc simd all "$max" -msimd128
cc import import "$max"
cc popcnt popcnt "$max" -msimd128
cc v128 v128 "$max" -msimd128
cc crash crash "$max" -msimd128 -O1
cc select select "$max" -msimd128
cc plain plain "$max"
cc nomax plain
cc huge plain -Wl,--max-memory=4294967296
cc shared plain "$max" -pthread -matomics -mbulk-memory -Wl,--shared-memory
