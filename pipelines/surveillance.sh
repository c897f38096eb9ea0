#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Groups what moves before a fixed camera: which kinds of things there are, and which of them each is.
#
#   ./pipelines/surveillance.sh FILE              a recording
#   ./pipelines/surveillance.sh rtsp://CAMERA     a camera, until Ctrl-C; when it breaks off it is
#                                                 called again, after 1, 2, 4 ... 30 seconds
#   --model FILE       see things by a network in an ONNX file or a model file, instead of the
#                      built-in descriptor (docs/encoders.md)
#   --output DIR       where to write (default output/NAME-CHECKSUM below the project)
#   --state FILE       where the groups are kept, to go on with them the next time (default DIR/groups.safetensors)
#   --clusters N       so many groups (default: chosen from what is seen)
#   --novelty RATE     mark what fits no group; RATE is the share of usual things that may be marked,
#                      0.01 for instance (default 0: mark nothing)
#   --freeze           take the groups of the state as they are
#   --display          show the picture in a window, too
#   --retries N        give up after N calls of a camera that fail in a row (default: never)
#   --patience N       seconds that a camera may be silent before it is called again, and that a stream
#                      gets to end after Ctrl-C (default 10)
#
# The groups are found in the first 500 embeddings (DRIFTCLUSTER_WARM_UP), which should show the usual mix:
# one for each region of a frame, but with --model five a second for each thing.
# Installs what is missing with apt and builds. Writes DIR/video.webm (a camera: video-1.webm, -2 ...
# for each connection) with boxes and labels, and DIR/results.jsonl with a JSON object for each frame.
# With the same DIR, files of a recording are made anew; for a camera nothing is lost: lines are appended, and
# videos get the numbers behind those that are there.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/video.sh"

# Embeddings from which the groups are found.
warm_up=${DRIFTCLUSTER_WARM_UP:-500}

model='' output='' state='' clusters=0 novelty=0 freeze='' display='' retries=-1 input=''

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
    --model | --output | --state | --clusters | --novelty | --retries | --patience)
      [ $# -ge 2 ] || fail "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    --freeze) freeze=yes ;;
    --display) display=yes ;;
    -h | --help) show_help ;;
    --*) fail "$1: there is no such option; --help lists them" ;;
    *)
      [ -z "$input" ] || fail "one file or URI at a time; $1 is the second"
      input=$1
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
  [[ $retries =~ ^-?[0-9]+$ ]] || fail "--retries $retries: a whole number is needed"
  check_patience "$patience"
  [[ $novelty =~ ^(0?\.[0-9]+|[01])$ ]] || fail "--novelty $novelty: a share from 0 to 1 is needed"
  [ -z "$display" ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] ||
    fail "--display: there is no display here; look at the video file instead"
  output=${output:-$root/output/$(name_of "$input")}
  make_output "$output"
  state=${state:-$output/groups.safetensors}
  check_state "$state"
  [ -z "$freeze" ] || [ -f "$state" ] || fail "$state: there is no such state, and --freeze needs one"
}

# run_once VIDEO APPEND: plays the input to its end.
run_once() {
  local embed votes adapt=(adapt-centroids "clusters=$clusters" "warm-up=$warm_up" "state-file=$state")
  local video show=()
  set_embed "$model"
  [ -z "$freeze" ] || adapt+=(adapt=false)
  # A camera does not wait; in a recording every frame counts.
  if is_camera "$input"; then adapt+=(async=true); else embed+=(shed-late=false); fi
  set_video "$1"
  [ -z "$display" ] || show=(seen. ! queue leaky=downstream ! videoconvert ! autovideosink)
  launch "${source[@]}" ! queue ! find-motion ! "${embed[@]}" ! "${adapt[@]}" ! \
    assign "smoothing=$votes" "novelty-threshold=$novelty" ! \
    publish-clusters "location=$output/results.jsonl" "append=$2" ! draw-clusters ! tee name=seen ! \
    "${video[@]}" "${show[@]}"
}

# set_video_file: sets `file` to the video behind those that are there. Nothing is run that a signal could end.
set_video_file() {
  local number=0
  for file in "$output"/video-*.webm; do
    if [[ ${file##*/} =~ ^video-([0-9]+)\.webm$ ]]; then
      number=$((10#${BASH_REMATCH[1]} > number ? 10#${BASH_REMATCH[1]} : number))
    fi
  done
  file=$output/video-$((number + 1)).webm
}

# end_camera SEEN: after Ctrl-C.
end_camera() {
  [ -n "$1" ] || fail "no picture has come from $input"
  exit 0
}

# A camera ends when it breaks off, in whatever way; groups and ids of things go on from the state.
follow_camera() {
  local file failures=0 pause=1 seen=''
  trap 'stopped=yes' INT TERM
  while true; do
    set_video_file
    say "Calling $input; the video is $file"
    if run_once "$file" true; then reason="The camera has ended the stream."; fi
    if [ -s "$file" ]; then
      failures=0 pause=1 seen=yes
    else
      failures=$((failures + 1))
      rm -f "$file" || true
    fi
    [ -z "$stopped" ] || end_camera "$seen"
    [ "$retries" -lt 0 ] || [ "$failures" -lt "$retries" ] || fail "$reason"
    printf '%s Calling again in %d s; Ctrl-C ends.\n' "$reason" "$pause" >&2
    attend /dev/null sleep "$pause" || end_camera "$seen"
    pause=$((pause < 16 ? 2 * pause : 30))
  done
}

follow_file() {
  say "Grouping what moves in $input"
  run_once "$output/video.webm" false || fail "$reason"
  printf '%d frames\n\nVideo   %s\nLabels  %s (one JSON object per frame)\nGroups  %s\n' \
    "$(wc -l <"$output/results.jsonl")" "$output/video.webm" "$output/results.jsonl" "$state"
  if ! grep -q '"cluster":{' "$output/results.jsonl"; then
    echo "No group yet: fewer than $warm_up embeddings of what moves. Play it again with the same --output, or set DRIFTCLUSTER_WARM_UP."
  fi
  [ -z "$stopped" ] || exit 130 # not the whole file
}

parse "$@"
check
# shellcheck disable=SC2086 # the lists are meant to be split
need_packages $build_packages $run_packages $video_packages
build_project -Dtests=disabled
use_build
set_source "$input"
if is_camera "$input"; then follow_camera; else follow_file; fi
