#!/usr/bin/env bash
# Fetches and unpacks Debian's source package of CivetWeb, with Debian's patches applied.
#
#   scripts/fetch-civetweb.sh DIR      makes DIR/civetweb; does nothing when it is there
#
# Asks the package archives this machine already uses, for sources instead of binaries: its Debian
# 12 entries are rewritten into a private list, and apt keeps all its state in a private directory,
# so /etc and /var stay as they are and root is not needed. apt checks the archive's signature; an
# entry's own permission to skip that check is not taken over.
set -euo pipefail

if [[ $# -ne 1 ]]; then
  echo "usage: scripts/fetch-civetweb.sh DIR" >&2
  exit 2
fi
target=$1/civetweb
[[ -e $target/.complete ]] && exit 0

fail() {
  echo "fetch-civetweb: $1" >&2
  exit 1
}
for program in apt-get dpkg-source; do
  command -v "$program" >/dev/null ||
    fail "$program is missing; run scripts/install-packages.sh build on Debian 12"
done

mkdir -p "$1"
work=$(mktemp -d "$(cd "$1" && pwd)/fetch-civetweb.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{sources,lists/partial,cache/archives/partial,package}

# FETCH_CIVETWEB_ETC stands in for /etc/apt in tests.
etc=${FETCH_CIVETWEB_ETC:-/etc/apt}

# "deb [options] URI suite component..." -> the same as deb-src, Debian 12's main only.
one_line_entries() {
  awk '
    $1 == "deb" || $1 == "deb-src" {
      options = ""; rest = $0
      sub(/^[ \t]*deb(-src)?[ \t]+/, "", rest)
      sub(/[ \t]*#.*$/, "", rest)
      if (match(rest, /^\[[^]]*\][ \t]*/)) {
        count = split(substr(rest, 2, index(rest, "]") - 2), option, /[ \t]+/)
        rest = substr(rest, RLENGTH + 1)
        for (i = 1; i <= count; i++)
          if (option[i] ~ /^signed-by=/) options = "[" option[i] "] "
      }
      count = split(rest, field, /[ \t]+/)
      if (field[1] ~ /^cdrom:/ || field[2] !~ /^bookworm(-updates|-security)?$/) next
      for (i = 3; i <= count; i++)
        if (field[i] == "main") print "deb-src " options field[1] " " field[2] " main"
    }' "$@"
}

# A deb822 stanza -> the same as Types: deb-src, Debian 12's main only.
stanza_entries() {
  awk '
    function flush(   count, suite, i, kept) {
      count = split(value["suites"], suite, /[ \t\n]+/)
      for (i = 1; i <= count; i++)
        if (suite[i] ~ /^bookworm(-updates|-security)?$/) kept = kept " " suite[i]
      if (kept != "" && tolower(value["enabled"]) !~ /^[ \t]*(no|false|off|0)/ &&
          value["components"] ~ /(^|[ \t\n])main([ \t\n]|$)/) {
        print "Types: deb-src\nURIs:" value["uris"] "\nSuites:" kept "\nComponents: main"
        if ("signed-by" in value) print "Signed-By:" value["signed-by"]
        print ""
      }
      delete value; name = ""
    }
    FNR == 1 { flush() }
    /^#/ { next }
    /^[ \t]*$/ { flush(); next }
    /^[ \t]/ { if (name != "") value[name] = value[name] "\n" $0; next }
    { name = tolower(substr($0, 1, index($0, ":") - 1)); value[name] = substr($0, index($0, ":") + 1) }
    END { flush() }' "$@"
}

shopt -s nullglob
lists=("$etc"/sources.list.d/*.list)
[[ -e $etc/sources.list ]] && lists+=("$etc/sources.list")
stanzas=("$etc"/sources.list.d/*.sources)
[[ ${#lists[@]} -eq 0 ]] || one_line_entries "${lists[@]}" | sort -u >"$work/sources/debian.list"
[[ ${#stanzas[@]} -eq 0 ]] || stanza_entries "${stanzas[@]}" >"$work/sources/debian.sources"
[[ -n $(cat "$work"/sources/*) ]] ||
  fail "no Debian 12 (bookworm) archive in $etc/sources.list or $etc/sources.list.d;
add one, as a fresh Debian 12 has it, and run this again"

# Sandbox user: with root's own, the private directory need not be open to another account. The
# hooks that packages attach to "apt-get update" look after /var, which is not touched here.
cat >"$work/apt.conf" <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/sources";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF

# An entry that cannot be reached does not matter while another one has the package: apt takes an
# index only from a release file whose signature it has checked.
log=$work/log
apt-get -c "$work/apt.conf" -qq update >"$log" 2>&1 || true
if ! (cd "$work/package" &&
      apt-get -c "$work/apt.conf" -qq --download-only --only-source source civetweb) >>"$log" 2>&1
then
  cat "$log" >&2
  fail "the Debian archive gave no source package civetweb (see above).
Check that 'apt-get update' works on this machine and run this again; without a network, unpack
Debian's civetweb source into $target and create $target/.complete"
fi
dsc=$(echo "$work"/package/*.dsc)
# No signature check here: apt has verified the .dsc and the archives against the signed index.
dpkg-source --no-check --no-copy -x "$dsc" "$work/civetweb" >>"$log" 2>&1 || {
  cat "$log" >&2
  fail "dpkg-source could not unpack $(basename "$dsc") (above); is the disk full?"
}
basename "$dsc" .dsc >"$work/civetweb/.complete"
rm -rf "$target"
mv -T "$work/civetweb" "$target"
