#!/usr/bin/env bash
# Installs the Debian packages that a task needs, and only those that are missing.
#
#   scripts/install-packages.sh GROUP...
#
# Groups: build (compile and run the service), test (what the tests start), lint (format, static
# analysis, sanitizers and fuzzing), lab (the stock-kernel hosts), node (what runs npm packages: any node
# and npm in $PATH will do). Uses sudo when not root. Prints nothing and takes a fraction of a second when
# everything is there.
set -euo pipefail

declare -A packages=(
  [build]="build-essential cmake ninja-build pkg-config dpkg-dev git
           prometheus-cpp-dev libyaml-cpp-dev libspdlog-dev nlohmann-json3-dev libsqlite3-dev
           libcurl4-openssl-dev libcrypt-dev libcli11-dev libre2-dev
           zlib1g-dev libssl-dev"
  [test]="mandoc bsdextrautils libgtest-dev libgmock-dev libbenchmark-dev curl jq gzip openssl python3 python3-prometheus-client
          python3-jsonschema
          qemu-system-x86 iproute2 runsc busybox-static
          libvirt-daemon libvirt-clients"
  [lint]="clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev shellcheck python3"
  [lab]="busybox-static cpio kmod qemu-system-x86 trace-cmd libvirt-daemon libvirt-clients"
  [node]="nodejs npm"
)
# Packages that are as good as installed when this program is there, wherever it is from.
declare -A program_of=([nodejs]=node [npm]=npm)

wanted=()
for group in "$@"; do
  if [[ -z ${packages[$group]:-} ]]; then
    echo "install-packages: no group '$group'; there are: ${!packages[*]}" >&2
    exit 2
  fi
  # Word splitting is the point: each group is a list.
  # shellcheck disable=SC2206
  wanted+=(${packages[$group]})
done

missing=()
for package in $(printf "%s\n" "${wanted[@]}" | sort -u); do
  if [[ -n ${program_of[$package]:-} ]] && command -v "${program_of[$package]}" >/dev/null; then
    continue
  fi
  status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  [[ $status == ii* ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || {
    echo "install-packages: not root and sudo is missing; as root run: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { "${as_root[@]}" apt-get update &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "install-packages: apt-get failed (above); it needs Debian 12's package archive" >&2
  exit 1
fi
