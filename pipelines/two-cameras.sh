#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two cameras, one vocabulary: what moves before the first one makes the groups, and both are labelled
# by them, so that the same kind of thing has the same name, uuid and colour on both.
#
#   ./pipelines/two-cameras.sh FIRST SECOND     files or URIs; files are played at their own speed
#   --model FILE   as for surveillance.sh
#   --output DIR   where to write (default output/two-cameras below the project)
#   --state FILE   where the groups are kept (default DIR/groups.safetensors)
#
# Writes DIR/first.webm and .jsonl, DIR/second.webm and .jsonl.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/video.sh"
warm_up=${DRIFTCLUSTER_WARM_UP:-500}

model='' output=$root/output/two-cameras state='' inputs=()
while [ $# -gt 0 ]; do
  case $1 in
  --model | --output | --state)
    [ $# -ge 2 ] || fail "$1 needs a value"
    printf -v "${1#--}" %s "$2"
    shift
    ;;
  -h | --help) show_help ;;
  --*) fail "$1: there is no such option; --help lists them" ;;
  *) inputs+=("$1") ;;
  esac
  shift
done
[ ${#inputs[@]} -eq 2 ] || fail "two files or URIs are needed, not ${#inputs[@]}"
for input in "${inputs[@]}"; do check_input "$input"; done
check_model "$model"
make_output "$output"
state=${state:-$output/groups.safetensors}
check_state "$state"

# shellcheck disable=SC2086 # the lists are meant to be split
need_packages $build_packages $run_packages $video_packages
build_project -Dtests=disabled
use_build

set_embed "$model"

# set_branch NAME INPUT GROUP...: sets `branch` to the line of one camera.
set_branch() {
  local name=$1 source video
  set_source "$2"
  shift 2
  set_video "$output/$name.webm"
  branch=("${source[@]}" ! clocksync ! queue ! find-motion ! "${embed[@]}" ! "$@" !
    publish-clusters "location=$output/$name.jsonl" ! draw-clusters ! "${video[@]}")
}

set_branch first "${inputs[0]}" adapt-centroids state-id=street "warm-up=$warm_up" "state-file=$state" ! \
  assign "smoothing=$votes"
first=("${branch[@]}")
set_branch second "${inputs[1]}" assign state-id=street "smoothing=$votes"
say "Grouping what moves in ${inputs[0]} and ${inputs[1]}"
launch "${first[@]}" "${branch[@]}" || fail "$reason"
for name in first second; do
  printf '%s.webm, %s.jsonl: %d frames, %d with groups\n' "$output/$name" "$name" \
    "$(wc -l <"$output/$name.jsonl")" "$(grep -c '"cluster":{' "$output/$name.jsonl" || true)"
done
