#!/usr/bin/env bash
# Builds everything in build/release and runs all tests. Installs what is missing first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install_packages.sh

install_packages "${build_packages[@]}" "${test_packages[@]}"
echo "Building into build/release"
quietly cmake --preset release
cmake --build --preset release
ctest --preset release
