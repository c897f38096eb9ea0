#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what the tests need, builds with -Werror, runs all of them and closes with
#   N passed, N failed, N skipped
set -euo pipefail
. "$(dirname "$0")/../pipelines/common.sh"

build=${DRIFTCLUSTER_BUILD:-$root/build-tests}
test_packages="libcmocka-dev locales python3 python3-gi python3-numpy python3-tap
  gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0
  gstreamer1.0-opencv valgrind mosquitto mosquitto-clients openssl opencv-data
  chromium chromium-driver python3-selenium"

if [[ $build_packages == *gstreamer-plugins-bad* ]]; then
  test_packages+=" python3-onnx gir1.2-gst-plugins-bad-1.0"
fi

# shellcheck disable=SC2086 # the lists are meant to be split
need_packages $build_packages $run_packages $video_packages $test_packages
build_project -Dwerror=true -Dtests=enabled -Dgstreamer=enabled -Dintrospection=enabled

say "Running the tests"
status=0
rm -f "$build/meson-logs/testlog.junit.xml" # it must not be that of an earlier run
# The limits of time are for a machine that does nothing else.
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 4 "$@" || status=$?
/usr/bin/python3 "$root/tests/summary.py" "$build/meson-logs/testlog.junit.xml" || status=1
exit "$status"
