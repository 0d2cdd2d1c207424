#!/usr/bin/env bash
# Builds and runs the main example: a convolutional network is compressed. Arguments go to the program; --help lists
# them. Installs what is missing first.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/install_packages.sh"

install_packages "${build_packages[@]}"
(
  cd "$root"
  if [[ ! -x build/release/examples/compress_cnn ]]; then
    echo "Building build/release/examples/compress_cnn, which takes a few minutes"
  fi
  quietly cmake --preset release
  quietly cmake --build --preset release --target compress_cnn
)
exec "$root/build/release/examples/compress_cnn" "$@"
