# SPDX-License-Identifier: LGPL-2.1-or-later
# What the recipes and the test script share: installing, building, speaking. Source it; it sets
#   root   the top folder of the project
#   build  the build folder (DRIFTCLUSTER_BUILD, default $root/build)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${DRIFTCLUSTER_BUILD:-$root/build}

build_packages="build-essential meson ninja-build pkg-config
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libopenblas-dev
  libjson-glib-dev libsqlite3-dev libsoup-3.0-dev libpng-dev zlib1g-dev libpango1.0-dev libcairo2-dev
  libgirepository1.0-dev gobject-introspection
  protobuf-c-compiler libprotobuf-c-dev libonnx-dev libmosquitto-dev"
# Debian has libraries for optional parts from release 13 on.
if grep -q '^ID=debian$' /etc/os-release && ! grep -q '^VERSION_ID="1[0-2]"$' /etc/os-release; then
  build_packages+=" libgstreamer-plugins-bad1.0-dev libonnxruntime-dev"
fi
run_packages="gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  fonts-dejavu fonts-liberation fonts-freefont-ttf fonts-urw-base35"
video_packages="gstreamer1.0-libav gstreamer1.0-plugins-bad"

say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit "${exit_status:-1}"
}

# name_of INPUT: what the files that are made of it are called after: its name or, of a URI, host and path
# without user and password; with a checksum, because inputs in different places may be called the same.
name_of() {
  local place name host
  if [[ $1 == *://* ]]; then
    place=${1#*://} host=${place%%/*}
    place=${host##*@}${place#"$host"}
    name=${place%%\?*}
  else
    place=$(realpath -- "$1")
    name=${place##*/}
  fi
  printf '%s-%s' "$(printf %s "$name" | tr -c 'A-Za-z0-9._-' _ | tail -c 60)" \
    "$(printf %s "$place" | sha256sum | head -c 6)"
}

# show_help: prints what a recipe says of itself at its top, from the third line on, and ends.
show_help() {
  sed -n '3,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
  exit 0
}

# Exit status of a script that could not reach the packages it needs.
no_network=75

# Installs those of the named Debian packages that are missing, and says so first.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "these packages are missing and only root can install them: ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing with apt: ${missing[*]}"
  "${as_root[@]}" apt-get update -q >&2 ||
    exit_status=$no_network fail "apt-get update failed; is there a network?"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
    fail "apt-get could not install: ${missing[*]}"
}

# Builds into $build; further arguments go to meson setup the first time.
build_project() {
  if [ ! -f "$build/build.ninja" ]; then
    say "Configuring in $build"
    meson setup "$build" "$root" "$@" >&2 || fail "meson could not configure; the reason stands above"
  fi
  ninja -C "$build" >&2 || fail "the build failed; the reason stands above"
}

# Makes the plugin and the command line of the build folder those that are found.
use_build() {
  export GST_PLUGIN_PATH=$build/plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
  export GST_REGISTRY=$build/gst-registry.bin
  export PATH=$build/tools:$PATH
}
