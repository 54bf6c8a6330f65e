#!/bin/sh
# manifest.sh: writes the app's manifest beside the module that build.sh made.
set -eu
cd "$(dirname "$0")/../../../assets/apps/pathtracer"
cat > manifest.json <<END
{
  "name": "pathtracer",
  "version": "0.1.0",
  "title": "Path tracer",
  "publisher": "SONM",
  "abi": 1,
  "class": "exact",
  "module": "$(sha256sum module.wasm | cut -d' ' -f1)",
  "memory": 2147483648,
  "accepts": ["glb", "gltf"]
}
END
