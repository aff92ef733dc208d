#!/usr/bin/env bash
# Lets every fuzz target look for trouble, up to JOBS at a time; `make fuzz` builds them first.
#
#   tests/fuzz/run.sh BUILD-DIRECTORY [TARGET...]
#
# FUZZ_SECONDS (60) is each one's time, JOBS (as many as processors) how many run at once. Each begins
# with its seeds and with what earlier runs found to be new, in BUILD-DIRECTORY/corpus. Exits with 1
# when a target has found something; the input is in BUILD-DIRECTORY/findings then.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1
shift
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(api router web_config accept seccomp)
seconds=${FUZZ_SECONDS:-60}
jobs=${JOBS:-$(nproc)}
longest_input=4096
# What ASan remembers of freed memory outlives an input many times over; the rest is for tests that are
# not run a thousand times a second.
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=8:max_malloc_fill_size=0:${ASAN_OPTIONS:-}

# What a line of libFuzzer's says: inputs, edges of the program seen, inputs that show a new one.
figures() { # LOG
  grep -aE '^#[0-9]+.* cov: ' "$1" | tail -n 1 |
    awk '{for (i = 1; i < NF; i++) if ($i ~ /^(cov|corp|exec\/s):$/) v[$i] = $(i + 1)
          sub("#", "", $1); sub("/.*", "", v["corp:"])
          printf "%s inputs, %s/s, %s edges, %s kept", $1, v["exec/s:"], v["cov:"], v["corp:"]}'
}

fuzz() { # TARGET: says every 15 s how far it is; 1 on a finding
  local target=$1 log=$build/logs/$1.log status=0 ticks=0
  mkdir -p "$build"/{logs,"corpus/$target","findings/$target"}
  # Entropic weighing of inputs would take more than half of the api target's time.
  "$build/bin/fuzz_$target" -max_total_time="$seconds" -max_len=$longest_input -timeout=10 \
    -entropic=0 -rss_limit_mb=2048 -print_final_stats=1 -dict="tests/fuzz/$target.dict" \
    -artifact_prefix="$build/findings/$target/" \
    "$build/corpus/$target" "tests/fuzz/seeds/$target" >"$log" 2>&1 &
  local process=$!
  trap 'kill "$process"; exit 1' TERM
  while kill -0 "$process" 2>/dev/null; do
    sleep 1
    ((++ticks % 15)) || echo "$target: $(figures "$log")"
  done
  wait "$process" || status=$?
  echo "$target: $(figures "$log"); $([[ $status -eq 0 ]] && echo "nothing found" || echo "FOUND SOMETHING")"
  [[ $status -eq 0 ]] && return 0
  local finding
  finding=$(sed -n 's/^.*Test unit written to //p' "$log" | tail -n 1)
  grep -aE -m 1 -A 12 'does not hold|runtime error|ERROR: ' "$log" | cut -c 1-160 || tail -n 20 "$log"
  echo "All of it: $log"
  if [[ -n $finding ]]; then
    echo "To see it again: $build/bin/fuzz_$target $finding"
    echo "To keep it:      cp $finding tests/fuzz/seeds/$target/WHAT-IT-SHOWS"
  fi
  return 1
}

trap 'kill $(jobs -p); exit 130' INT TERM
failed=0
running=0
echo "${#targets[@]} targets, $seconds s each, $jobs at a time"
for target in "${targets[@]}"; do
  if [[ $running -ge $jobs ]]; then
    wait -n || failed=1
    ((running -= 1)) || true
  fi
  fuzz "$target" &
  ((running += 1))
done
while [[ $running -gt 0 ]]; do
  wait -n || failed=1
  ((running -= 1)) || true
done
exit $failed
