#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Groups a folder of pictures and writes a page that shows the groups:
#   ./pipelines/categorise.sh FOLDER [OUTPUT]    the page is OUTPUT/index.html
# Options are those of `driftcluster categorise`, which does the work:
#   --model NET.onnx  a network that sees the pictures; recommended for photographs
#   --watch           go on: pictures that come are grouped, deleted ones leave
# Installs what is missing and builds first.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# has_pictures ARGUMENT...: whether one of them is a folder that may hold pictures, not OUTPUT of an earlier run.
has_pictures() {
  local argument
  for argument; do
    if [ -d "$argument" ] && [ ! -e "$argument/collection.sqlite" ]; then return 0; fi
  done
  return 1
}

case ${1-} in
-h | --help) show_help ;;
'') exit_status=2 fail "which folder? --help tells more" ;;
esac
has_pictures "$@" || fail "none of these is a folder of pictures: $*"
# shellcheck disable=SC2086 # the lists are meant to be split
need_packages $build_packages $run_packages $video_packages
build_project -Dtests=disabled
use_build
say "The page opens without a server; for names, merges and splits: $build/tools/driftcluster serve OUTPUT"
exec driftcluster categorise "$@"
