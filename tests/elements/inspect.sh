#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# gst-inspect-1.0 shows the plugin and each of its elements, without a word of warning:
# inspect.sh GST_INSPECT
set -eu
elements=$("$1" driftcluster | sed -n 's/^  \([a-z-]*\): .*/\1/p')
test -n "$elements" || { echo "gst-inspect-1.0 lists no element of the plugin"; exit 1; }
for element in $elements; do
  words=$("$1" "$element" 2>&1 >/dev/null) || { echo "$element: gst-inspect-1.0 failed"; exit 1; }
  test -z "$words" || { echo "$element: $words"; exit 1; }
  echo "$element"
done
