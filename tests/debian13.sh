#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the project and runs its tests in a Debian 13 of its own (GStreamer 1.26, ONNX Runtime), a
# chroot; what it is given goes to `meson test`. Closes with
#   N passed, N failed, N skipped
# The chroot, with the build in it, lies in DRIFTCLUSTER_DEBIAN13 (default: build-debian13 in the
# root) and stays for the next run. Where none can be made it says why and counts one skipped. All
# mounts are in a namespace of the run: they are gone when it ends, however it ends.
set -euo pipefail
. "$(dirname "$0")/../pipelines/common.sh"

release=trixie
place=${DRIFTCLUSTER_DEBIAN13:-$root/build-debian13}
chroot=$place/root
data=${DRIFTCLUSTER_DATA:-$root/../shared/data}

skip() {
  say "Debian 13 is not tested: $*"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

# The mirror that apt of this machine takes Debian from; nothing where it has none.
mirror() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian|Debian|\(http.*\)/\1/p' | head -n 1
}

make_chroot() {
  [ ! -e "$place/complete" ] || return 0
  say "Making a Debian 13 in $chroot; the next run finds it there"
  rm -rf --one-file-system "$chroot"
  debootstrap --variant=minbase "$release" "$chroot" $(mirror) >&2 ||
    skip "debootstrap failed, its last words stand above; is there a network?"
  # It is thrown away sooner than read: no documentation, and no waiting for the disk.
  printf '%s\n' force-unsafe-io path-exclude=/usr/share/{doc,man,locale,info}/'*' \
    >"$chroot/etc/dpkg/dpkg.cfg.d/tests"
  # Without a network, `apt-get update` is to fail.
  echo 'APT::Update::Error-Mode "any";' >"$chroot/etc/apt/apt.conf.d/tests"
  touch "$place/complete"
}

# Takes over how this machine reaches its mirror.
configure_network() {
  local url file
  url=$(mirror)
  [ -z "$url" ] || echo "deb $url $release main" >"$chroot/etc/apt/sources.list"
  for file in /etc/resolv.conf /etc/hosts; do
    [ ! -e "$file" ] || cp -L "$file" "$chroot$file"
  done
}

mount_all() {
  mkdir -p "$chroot/src" "$chroot/data"
  mount -t proc proc "$chroot/proc" &&
    mount -t sysfs -o ro sysfs "$chroot/sys" &&
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$chroot/dev/pts" &&
    mount --bind -o ro "$root" "$chroot/src" || return
  [ ! -d "$data" ] || mount --bind -o ro "$data" "$chroot/data"
}

# Runs the tests, in the namespace.
run_inside() {
  local status=0
  make_chroot
  configure_network
  mount_all || skip "mounting is forbidden here"
  chroot "$chroot" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    ${http_proxy:+"http_proxy=$http_proxy"} DRIFTCLUSTER_BUILD=/build DRIFTCLUSTER_DATA=/data \
    /src/tests/run.sh "$@" || status=$?
  [ "$status" -ne "$no_network" ] || skip "the mirror cannot be reached"
  exit "$status"
}

# Ends all that runs in the namespace with this script.
run_in_namespace() {
  local status=0
  unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$@" &
  trap "kill -KILL $! 2>/dev/null || true" EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  wait $! || status=$?
  exit "$status"
}

if [ "${1:-}" = --inside ]; then
  run_inside "${@:2}"
fi
[ "$(id -u)" -eq 0 ] || skip "only root can make a chroot"
(need_packages debootstrap) || skip "debootstrap is missing and cannot be installed"
unshare --mount --pid --fork true 2>/dev/null || skip "namespaces for its mounts are forbidden here"
mkdir -p "$place"
exec 9>"$place/lock"
flock --nonblock 9 || fail "another run uses $place; wait for it, or set DRIFTCLUSTER_DEBIAN13"
eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
export http_proxy=${http_proxy:-}
run_in_namespace "$@"
