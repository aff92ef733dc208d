#!/usr/bin/env bash
# Measures what has been built (make bench builds first) and prints one table; the same as JSON is in
# build/bench/results.json. Ends with status 1 when a limit is missed. What this machine lacks
# (/dev/kvm, root, the node exporter) is skipped, and the table says so. Arguments name the parts to run.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/fetch-prometheus.sh build/third-party ||
  echo "bench: going on without the node exporter (above)" >&2
mkdir -p build/bench
exec build/bin/kvm-tsc-bench build/bench/results.json "$@"
