# Installs the packages of Debian and Ubuntu that are missing; sourced by the scripts of this repository.
#
#   install_packages PACKAGE...

install_packages() {
  local package missing=()
  if ! command -v apt-get >/dev/null; then
    echo "This is no Debian or Ubuntu: expecting that what these packages hold is here: $*"
    return
  fi
  for package in "$@"; do
    if [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]]; then
      missing+=("$package")
    fi
  done
  ((${#missing[@]} > 0)) || return 0

  local as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "Missing packages; as root: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}"
  quietly "${as_root[@]}" apt-get update
  quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

# Runs a command and shows what it said only if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    cat "$log" >&2
    echo "Failed with status $status: $*" >&2
  fi
  rm -f "$log"
  return "$status"
}

build_packages=(g++ cmake ninja-build libeigen3-dev libfmt-dev zlib1g-dev nlohmann-json3-dev libcli11-dev
  libprotozero-dev libstb-dev dataset-fashion-mnist)
test_packages=(libgtest-dev libbenchmark-dev libonnx-testdata)
