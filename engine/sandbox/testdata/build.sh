#!/bin/sh
# Rebuilds the guests of the conformance suite next to their sources.
# Needs clang-16, lld-16 and wasi-libc (for the headers of clang alone).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Compiled and linked apart: a clang that links with -O runs whatever wasm-opt it
# finds, and the bytes are others after that.
cc() {
  out=$1 src=$2 link=
  shift 2
  for flag; do case $flag in -Wl,*) link="$link $flag" ;; esac; done
  clang-16 -c --target=wasm32-unknown-unknown -ffreestanding -O2 -Wall -Wno-unused-function -Wno-unused-command-line-argument \
    "$@" "$src.c" -o "$work/$out.o"
  clang-16 --target=wasm32-unknown-unknown -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first $link "$work/$out.o" -o "$out.wasm"
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
