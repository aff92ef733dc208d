#!/usr/bin/env bash
# The manual pages are sound, and kvm-tsc.1 names every option and command that --help does, and no other.
#   man_pages.sh SOURCE-DIR KVM-TSC
# Status 77 when mandoc is missing.
set -euo pipefail
source_dir=$1 kvm_tsc=$2
if ! command -v mandoc >/dev/null; then
  echo "skipped: missing mandoc"
  exit 77
fi
failed=0
# A page that is not installed yet cannot be found by the other.
faults() {
  mandoc -T lint -W style "$@" | grep -v 'referenced manual not found: Xr kvm-tsc' || true
}
found=$(faults "$source_dir"/docs/man/*)
if [[ -n $found ]]; then
  echo "$found"
  failed=1
fi
broken=$(mktemp)
trap 'rm -f "$broken"' EXIT
{ cat "$source_dir/docs/man/kvm-tsc.1"; echo '.Xx'; } >"$broken"
if [[ -z $(faults "$broken") ]]; then
  echo "a page with an unknown macro passes: this test shows nothing"
  failed=1
fi
page=$(mandoc -T ascii "$source_dir/docs/man/kvm-tsc.1" | col -b)
help=$("$kvm_tsc" --help)
mapfile -t commands < <(sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$help")
for command in "${commands[@]}"; do
  help+=$'\n'$("$kvm_tsc" "$command" --help)
  if ! grep -q "^ *$command" <<<"$page"; then
    echo "kvm-tsc.1 does not tell of the command $command"
    failed=1
  fi
done
told=$(grep -oE -- '--[a-z][a-z-]+(\.[a-z]+)?' <<<"$page" | sort -u)
known=$(grep -oE -- '--[a-z][a-z-]+(\.[a-z]+)?' <<<"$help" | sort -u)
# --help and --version are every program's; doctor's paths are told by the command's own --help.
if ! diff <(grep -vE '^--(help|version|path\..*)$' <<<"$told") \
          <(grep -vE '^--(help|version|path\..*)$' <<<"$known"); then
  echo "kvm-tsc.1 (<) and --help (>) differ in their options"
  failed=1
fi
exit "$failed"
