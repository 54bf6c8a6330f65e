#!/bin/sh
# build.sh [OUT]: builds the path tracer as a native command with g++ (needs
# libstb-dev). SCALAR=1 builds the twin without SIMD.
set -eu
cd "$(dirname "$0")"
out=${1:-../../../../build/cache/pathtracer}
mkdir -p "$(dirname "$out")"
${CXX:-g++} -std=c++20 -O3 -fno-math-errno -fno-exceptions -fno-rtti -ffp-contract=off -Wall -Wextra -Wno-restrict \
  ${SCALAR:+-DSONM_SCALAR} main.cpp -o "$out"
