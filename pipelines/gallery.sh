#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Groups what moves before a fixed camera, and writes a page that shows the groups while the stream goes on.
#
#   ./pipelines/gallery.sh FILE [OUTPUT]              a recording
#   ./pipelines/gallery.sh rtsp://CAMERA [OUTPUT]     a camera, until Ctrl-C or until it breaks off
#   --model FILE       see things by a network in an ONNX file or a model file, instead of the
#                      built-in descriptor (docs/encoders.md)
#   --clusters N       so many groups (default: chosen from what is seen)
#   --title TEXT       heading of the page (default: the name of the input)
#   --patience N       seconds that a camera may be silent, and that a stream gets to end after Ctrl-C (default 10)
#
# The page is OUTPUT/index.html (default output/NAME-CHECKSUM-gallery below the project): open it in a browser at
# once; it follows the stream by itself. `build/tools/driftcluster serve OUTPUT` shows it with names, merges,
# splits and pins, which go to the stream as long as it runs. The groups are found in the first 256 regions (DRIFTCLUSTER_WARM_UP).
# Installs what is missing with apt and builds. Writes OUTPUT/results.jsonl, too, with a JSON object for each
# frame, and OUTPUT/groups.safetensors, with which the same command goes on the next time.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/video.sh"

# Embeddings from which the groups are found.
warm_up=${DRIFTCLUSTER_WARM_UP:-256}

model='' clusters=0 title='' input='' output=''

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
    --model | --clusters | --title | --patience)
      [ $# -ge 2 ] || fail "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    -h | --help) show_help ;;
    --*) fail "$1: there is no such option; --help lists them" ;;
    *)
      if [ -z "$input" ]; then input=$1
      elif [ -z "$output" ]; then output=$1
      else fail "one input and one output; $1 is too much"; fi
      ;;
    esac
    shift
  done
  [ -n "$input" ] || fail "which file or URI? --help tells more"
}

check() {
  check_input "$input"
  check_model "$model"
  check_clusters "$clusters"
  check_patience "$patience"
  output=${output:-$root/output/$(name_of "$input")-gallery}
  title=${title:-${input##*/}}
  make_output "$output"
  [ -e "$output/gallery.lock" ] || [ -z "$(ls -A "$output")" ] ||
    fail "$output: holds other files; name an empty folder, or one that is not there yet"
}

play() {
  local embed votes adapt=(adapt-centroids "clusters=$clusters" "warm-up=$warm_up" "state-file=$output/groups.safetensors")
  set_embed "$model"
  # A camera does not wait; in a recording every frame counts.
  if is_camera "$input"; then adapt+=(async=true); else embed+=(shed-late=false); fi
  written+=("$output/results.jsonl")
  rm -f "$output/results.jsonl"
  launch "${source[@]}" ! queue ! find-motion ! "${embed[@]}" ! "${adapt[@]}" ! assign "smoothing=$votes" ! \
    publish-clusters "location=$output/results.jsonl" ! gallery-sink "location=$output" "title=$title" edits=true
}

tell() {
  printf '%d frames\n\nPage    %s\nLabels  %s (one JSON object per frame)\n' \
    "$(wc -l <"$output/results.jsonl")" "$output/index.html" "$output/results.jsonl"
  if ! grep -q '"cluster":{' "$output/results.jsonl"; then
    echo "No group yet: fewer than $warm_up embeddings of what moves. Play it again with the same OUTPUT, or set DRIFTCLUSTER_WARM_UP."
  fi
}

parse "$@"
check
# shellcheck disable=SC2086 # the lists are meant to be split
need_packages $build_packages $run_packages $video_packages
build_project -Dtests=disabled
use_build
set_source "$input"
say "Grouping what moves in $input; the page is $output/index.html"
play || fail "$reason"
[ -s "$output/results.jsonl" ] || fail "no picture has come from $input"
tell
is_camera "$input" || [ -z "$stopped" ] || exit 130 # not the whole file
