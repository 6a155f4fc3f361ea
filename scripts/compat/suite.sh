#!/usr/bin/env bash
# Fetches the source of Redis 7.0.15, for its Tcl suite only, into build/redis-7.0.15, and prints
# that folder. It comes from the package sources this machine already uses, asked for source
# packages in a private folder, so neither root nor a change of the machine is needed. Done once.
#
# KEPT_REDIS_SOURCE=/some/redis-7.0.15 uses a tree that is already there.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=7.0.15
TARGET="$PWD/build/redis-$VERSION"

say() { printf 'kept: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

tclsh_installed() {
  have tclsh && return 0
  have apt-get || fail "tclsh is needed: install Tcl"
  say "installing tcl"
  local root=()
  if [ "$(id -u)" -ne 0 ]; then root=(sudo -n); fi
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -q -y --no-install-recommends tcl >&2 ||
    fail "apt-get could not install tcl"
}

is_suite() { # folder
  grep -q "\"$VERSION\"" "$1/src/version.h" 2>/dev/null && [ -e "$1/tests/test_helper.tcl" ]
}

# The machine's own entries, read as entries of source packages.
source_entries() { # folder to write to
  local file
  mkdir -p "$1"
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$1/$(basename "$file")"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$file" ] && sed -n 's/^deb /deb-src /p' "$file" >"$1/$(basename "$file" .list).src.list"
  done
  return 0
}

fetch() {
  have apt-get || fail "no apt-get here: set KEPT_REDIS_SOURCE to a tree of Redis $VERSION"
  local work options
  work="$(mktemp -d)"
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  chmod 755 "$work"
  source_entries "$work/sources"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/package" "$work/redis"
  options=(-q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/sources"
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  say "fetching the source of Redis $VERSION"
  apt-get "${options[@]}" update >"$work/log" 2>&1 || say "apt-get update: not every source answered"
  (cd "$work/package" && apt-get "${options[@]}" source --download-only redis >>"$work/log" 2>&1) ||
    fail "apt-get source redis failed: $(tail -n 2 "$work/log")"
  tar -xzf "$work"/package/redis_*.orig.tar.gz -C "$work/redis" --strip-components=1
  is_suite "$work/redis" || fail "the source package here is not Redis $VERSION: set KEPT_REDIS_SOURCE"
  rm -rf "$TARGET"
  mkdir -p "$(dirname "$TARGET")"
  mv "$work/redis" "$TARGET"
}

tclsh_installed
if [ -n "${KEPT_REDIS_SOURCE:-}" ]; then
  is_suite "$KEPT_REDIS_SOURCE" || fail "no Redis $VERSION in $KEPT_REDIS_SOURCE"
  printf '%s\n' "$KEPT_REDIS_SOURCE"
  exit 0
fi
is_suite "$TARGET" || fetch
printf '%s\n' "$TARGET"
