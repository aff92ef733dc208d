#!/usr/bin/env bash
# Makes the programs of Debian's prometheus and prometheus-node-exporter packages available without
# installing them, for installing would start their services.
#
#   scripts/fetch-prometheus.sh DIR
#
# Afterwards DIR/prometheus/usr/bin/ holds prometheus, promtool and prometheus-node-exporter. A
# second run does nothing.
set -euo pipefail

[[ $# -eq 1 ]] || { echo "usage: scripts/fetch-prometheus.sh DIR" >&2; exit 2; }
packages=(prometheus prometheus-node-exporter)
programs=(prometheus promtool prometheus-node-exporter)

mkdir -p "$1"
target=$(cd "$1" && pwd)/prometheus
stamp=$target/.complete
[[ -e $stamp ]] && exit 0

work=$(mktemp -d "$target.XXXXXX")
log=$work/log
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs" "$work/root"
# apt-get download drops its privileges to a user who must be able to write here.
chmod 755 "$work"
chmod 777 "$work/debs"

download() { (cd "$work/debs" && apt-get download "${packages[@]}") >>"$log" 2>&1; }
update() {
  if [[ $(id -u) -eq 0 ]]; then
    apt-get update
  elif command -v sudo >/dev/null; then
    sudo apt-get update
  else
    echo "not root, and sudo is missing: cannot run apt-get update"
    return 1
  fi >>"$log" 2>&1
}

echo "Fetching Debian packages (not installing them): ${packages[*]}"
if ! download && ! { update && download; }; then
  tail -n 20 "$log" >&2
  echo "fetch-prometheus: cannot download ${packages[*]} (above); it needs Debian 12's package archive" >&2
  exit 1
fi
for package in "$work"/debs/*.deb; do
  dpkg -x "$package" "$work/root"
done
for program in "${programs[@]}"; do
  if ! "$work/root/usr/bin/$program" --version >"$log" 2>&1; then
    cat "$log" >&2
    echo "fetch-prometheus: $program does not run (above)" >&2
    exit 1
  fi
done
rm -rf "$target"
mv "$work/root" "$target"
touch "$stamp"
