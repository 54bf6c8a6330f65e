#!/usr/bin/env bash
# Installs the system packages that the named groups need, and only those that
# are missing. Says nothing and takes a few hundredths of a second when none is.
# Where it cannot install (not Debian, no root, no sudo) it names what is
# missing; the build goes on and fails, if it must, at the tool itself.
set -euo pipefail

usage="usage: build/setup.sh base|guest|gui|test|node|windows|bench|models ..."

# Debian package names by group.
packages() {
  case $1 in
  base) echo gcc libc6-dev patchelf ;;
  guest) echo clang-16 lld-16 llvm-16 wasi-libc libclang-rt-16-dev-wasm32 \
    libc++-16-dev-wasm32 libc++abi-16-dev-wasm32 libstb-dev g++ ;;
  gui) echo pkg-config xorg-dev libgl1-mesa-dev libwayland-dev libxkbcommon-dev ;;
  test) echo xvfb libgl1-mesa-dri xdotool imagemagick openbox pcmanfm iproute2 ffmpeg ;;
  bench) echo blender python3-numpy ;;
  models) echo assimp-testmodels blender-data ;;
  windows) echo gcc-mingw-w64-x86-64 ;;
  node) command -v node >/dev/null && command -v npm >/dev/null || echo nodejs npm ;;
  *) echo "build/setup.sh: no group $1; $usage" >&2; return 2 ;;
  esac
}

[ $# -gt 0 ] || { echo "$usage" >&2; exit 2; }
want=()
for group in "$@"; do
  names=$(packages "$group")
  read -ra names <<<"$names"
  want+=("${names[@]}")
done
[ ${#want[@]} -gt 0 ] || exit 0

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: this is not a Debian system; what the build needs is, by Debian's names: ${want[*]}" >&2
  exit 0
fi

have=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${want[@]}" 2>/dev/null | sed -n 's/^ii //p' || true)
missing=()
for p in "${want[@]}"; do
  grep -qxF -- "$p" <<<"$have" || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: these packages are missing, and installing them needs root or sudo: ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi

echo "setup: installing ${missing[*]}"
# Another installation may be under way: wait for the package lock rather than fail.
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq)
install() { "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null; }

# The lists of packages may be absent or old: fetch them once, then only if the
# names on hand do not install.
if ! apt-cache show "${missing[@]}" >/dev/null 2>&1 || ! install 2>/dev/null; then
  "${apt[@]}" update
  if ! install; then
    echo "setup: could not install: ${missing[*]}" >&2
    exit 1
  fi
fi
