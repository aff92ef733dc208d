#!/usr/bin/env bash
# Installs the npm packages that tests/openapi/package-lock.json names, each checked against the
# digest there, from the registry that npm is set to use on this machine.
#
#   scripts/fetch-openapi-validator.sh DIR
#
# Afterwards DIR/openapi/node_modules holds them. Does nothing when they are those of the lock file.
set -euo pipefail

[[ $# -eq 1 ]] || { echo "usage: scripts/fetch-openapi-validator.sh DIR" >&2; exit 2; }
source=$(cd "$(dirname "$0")/../tests/openapi" && pwd)

mkdir -p "$1"
target=$(cd "$1" && pwd)/openapi
# npm writes what it has installed into node_modules last of all; the copy of the lock file comes
# after that.
cmp -s "$source/package-lock.json" "$target/.complete" && exit 0

for program in node npm; do
  command -v "$program" >/dev/null || {
    echo "fetch-openapi-validator: $program is missing; run scripts/install-packages.sh node" >&2
    exit 1
  }
done

echo "Fetching npm packages: the OpenAPI validator"
rm -rf "$target"
mkdir "$target"
cp "$source"/package{,-lock}.json "$target"
log=$target/npm.log
# No script of a package is run: none needs to be.
if ! (cd "$target" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "fetch-openapi-validator: npm ci failed (above); it needs npm's registry" >&2
  exit 1
fi
cp "$source/package-lock.json" "$target/.complete"
