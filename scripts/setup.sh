#!/usr/bin/env bash
# Installs what is missing and builds what changed: `setup.sh build`, or `setup.sh test`, which
# also installs what the tests talk to (redis-server as the oracle, redis-cli, redis-benchmark).
#
# Asks nobody, reads no input, and may be run by two people at once: the second waits for the
# first. What is done is remembered in .stamps/ under a name that holds a checksum of what it was
# made from, so that an unchanged tree costs a few checksums and one incremental tsc.
set -euo pipefail
cd "$(dirname "$0")/.."

PURPOSE="${1:-build}"
# Raise it when what this script does to a tree changes, so that it is done again.
SETUP_VERSION=1
NODE_FLOOR="20.19"
STAMPS=".stamps"
export DEBIAN_FRONTEND=noninteractive
# npm calls a user's configuration of other tools unknown; its warnings are not about this tree.
export npm_config_loglevel="${npm_config_loglevel:-error}"
exec </dev/null

say() { printf 'kept: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

checksum() { # of the contents and names of the files given on standard input, one a line
  local sum=(shasum -a 256)
  if have sha256sum; then sum=(sha256sum); fi
  tr '\n' '\0' | xargs -0 "${sum[@]}" | "${sum[@]}" | cut -c 1-24
}

stamped() { [ -e "$STAMPS/$1" ]; }
stamp() { # name-checksum: replaces the stamps of the same name
  mkdir -p "$STAMPS"
  rm -f "$STAMPS/${1%-*}"-*
  : >"$STAMPS/$1"
}

# Where there is no flock (macOS), a file that holds the owner's process; a lock that a killed run
# left behind is taken over.
take_lock() {
  local lock="$STAMPS/lock" owner waited=0
  mkdir -p "$STAMPS"
  if have flock; then
    exec 9>"$lock.flock"
    flock -n 9 && return 0
    say "another setup is at work; waiting"
    flock -w 900 9 || fail "gave up waiting for the other setup"
    return 0
  fi
  until (set -o noclobber && echo "$$" >"$lock") 2>/dev/null; do
    owner="$(cat "$lock" 2>/dev/null || true)"
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
      rm -f "$lock"
      continue
    fi
    if [ "$waited" -eq 0 ]; then say "another setup is at work; waiting"; fi
    waited=$((waited + 1))
    [ "$waited" -le 1800 ] || fail "gave up waiting; remove $lock if nothing runs"
    sleep 0.5
  done
  trap 'rm -f "'"$lock"'"' EXIT
}

check_node() {
  have node || fail "Node.js $NODE_FLOOR or newer is needed, and npm with it; install it first"
  have npm || fail "npm is needed; it usually comes with Node.js"
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    const [wantMajor, wantMinor] = process.argv[1].split(".").map(Number);
    process.exit(major > wantMajor || (major === wantMajor && minor >= wantMinor) ? 0 : 1);
  ' "$NODE_FLOOR" || fail "Node.js $NODE_FLOOR or newer is needed, this is $(node --version)"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo; then
    sudo -n "$@" || fail "could not run as root without a password: sudo $*"
  else
    fail "must be run as root, and there is no sudo: $*"
  fi
}

apt_install() {
  [ "$#" -gt 0 ] || return 0
  say "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 ||
    fail "apt-get update failed; these are needed: $*"
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends \
    -o Dpkg::Options::=--force-confold "$@" >&2 ||
    fail "apt-get could not install: $*"
}

brew_install() {
  local formula
  have brew || fail "Homebrew is needed to install: $*"
  for formula in "$@"; do
    brew list --formula "$formula" >/dev/null 2>&1 && continue
    say "installing $formula"
    brew install "$formula" >&2 || fail "brew could not install $formula"
  done
}

# Prints the Debian packages whose work nothing on this machine does yet.
missing_packages() { # build or test
  if [ "$1" = build ]; then
    have g++ || echo g++
    have make || echo make
    have python3 || echo python3
    [ -e /usr/include/rocksdb/c.h ] || [ -e /usr/local/include/rocksdb/c.h ] || echo librocksdb-dev
  else
    have redis-server || echo redis-server
    have openssl || echo openssl
    { have redis-cli && have redis-benchmark; } || echo redis-tools
    # For bench/cold.ts alone; not every Debian has it.
    have db_bench || ! [ "$(apt-cache madison rocksdb-tools 2>/dev/null)" ] || echo rocksdb-tools
  fi
}

# brew takes a second to say that nothing is missing, so its answer is remembered.
system_packages_by_brew() { # build or test
  local key="brew_$1-$SETUP_VERSION"
  stamped "$key" && return 0
  xcode-select -p >/dev/null 2>&1 || fail "a compiler is needed: run xcode-select --install"
  if [ "$1" = build ]; then brew_install rocksdb; else brew_install redis; fi
  stamp "$key"
}

system_packages() { # build or test
  local missing
  if [ "$(uname -s)" = Darwin ]; then
    system_packages_by_brew "$1"
    return 0
  fi
  missing="$(missing_packages "$1" | tr '\n' ' ')"
  [ -n "$missing" ] || return 0
  have apt-get || fail "no apt-get here: install what these Debian packages hold: $missing"
  # shellcheck disable=SC2086
  case "$missing" in # a list of packages, split on purpose
    *redis-server*) without_redis_service apt_install $missing ;;
    *) apt_install $missing ;;
  esac
}

# Debian starts and enables a service with redis-server; a port taken and a boot job added are
# more than somebody who runs tests has asked for. The unit is masked while it is installed, so
# that it does not start, and left disabled. A redis that was there before is not touched.
without_redis_service() {
  local units=/etc/systemd/system status=0
  local unit="$units/redis-server.service"
  if [ -e "$unit" ] || [ -L "$unit" ]; then
    "$@"
    return 0
  fi
  as_root mkdir -p "$units"
  as_root ln -s /dev/null "$unit"
  ("$@") || status=1
  as_root rm -f "$unit"
  [ "$status" -eq 0 ] || fail "redis-server, which the tests compare with, could not be installed"
  as_root rm -f "$units/redis.service" "$units/multi-user.target.wants/redis-server.service"
  if have systemctl; then as_root systemctl daemon-reload >/dev/null 2>&1 || true; fi
  if have update-rc.d; then as_root update-rc.d redis-server disable >/dev/null 2>&1 || true; fi
}

node_packages() {
  local key
  key="packages-$SETUP_VERSION.$(echo package-lock.json | checksum)"
  stamped "$key" && [ -x node_modules/.bin/tsc ] && return 0
  say "installing npm packages"
  npm ci --no-fund --no-audit >&2 || fail "npm ci failed"
  stamp "$key"
}

native_sources() {
  find packages/rocksdb/src packages/rocksdb/scripts packages/rocksdb/package.json \
    packages/rocksdb/binding.gyp -type f ! -name '*.ts' 2>/dev/null | sort
}

# What it was compiled against counts too: another Node, compiler or library means another binary.
native_binding() {
  [ -e packages/rocksdb/package.json ] || return 0
  local key
  key="native-$SETUP_VERSION.$({
    native_sources
    for header in /usr/include/rocksdb/version.h \
      /opt/homebrew/include/rocksdb/version.h /usr/local/include/rocksdb/version.h; do
      [ -e "$header" ] && echo "$header"
    done
    command -v node
  } | checksum)"
  stamped "$key" && ls packages/rocksdb/build/Release/*.node >/dev/null 2>&1 && return 0
  say "building the RocksDB binding"
  npm run --silent native --workspace packages/rocksdb >&2 || fail "the binding did not compile"
  stamp "$key"
}

case "$PURPOSE" in
  build | test) ;;
  *) fail "usage: scripts/setup.sh build|test" ;;
esac
check_node
take_lock
system_packages build
if [ "$PURPOSE" = test ]; then system_packages test; fi
node_packages
native_binding
node_modules/.bin/tsc -b || fail "the TypeScript does not compile"
