#!/usr/bin/env bash
# Format and static analysis of everything: clang-format, shellcheck, clang-tidy (.clang-tidy). What is
# wrong is shown; `make format` mends the format. Needs build/release to be configured.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0

mapfile -t sources < <(git ls-files -co --exclude-standard '*.cc' '*.h')
if clang-format-14 --dry-run -Werror "${sources[@]}"; then
  echo "clang-format: ${#sources[@]} files, all clean"
else
  echo "clang-format: not clean (above); make format" >&2
  failed=1
fi

mapfile -t scripts < <(git grep --untracked -lIE '^#!.*\b(ba)?sh$' -- ':!tests/fixtures')
if shellcheck "${scripts[@]}"; then
  echo "shellcheck: ${#scripts[@]} scripts, all clean"
else
  failed=1
fi

# What ships; with LINT_TESTS=1 the tests and benchmarks too, which takes some minutes more. (The
# compilers' warnings and the sanitizers see the tests every time.)
mapfile -t shipped < <(git ls-files -co --exclude-standard '*.cc' ':!tests' ':!bench')
if [[ ${LINT_TESTS:-0} == 1 ]]; then
  shipped=()
fi
scripts/clang-tidy.py build/release "${shipped[@]}" || failed=1
exit "$failed"
