#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shows in one go what driftcluster does.
#
#   ./pipelines/quickstart.sh              a stream of drawn digits whose look drifts, scored by its labels
#   ./pipelines/quickstart.sh PATH_OR_URI  your own folder of pictures, video or URI
#   ./pipelines/quickstart.sh --model FILE PATH_OR_URI
#                                          the same, seen by an encoder of your own: a network in an ONNX
#                                          file (docs/encoders.md) or a model file, instead of the
#                                          built-in descriptor
#   ./pipelines/quickstart.sh --fresh ...  makes everything anew instead of reusing what is there
#
# Installs what is missing with apt, builds, and writes below $DRIFTCLUSTER_OUTPUT (default output/).
# CLUSTERS=N sets the number of clusters for your own pictures (default: chosen from the pictures).
set -euo pipefail
. "$(dirname "$0")/common.sh"
output=${DRIFTCLUSTER_OUTPUT:-$root/output}

# The demo: pictures to train on; those of the stream before, during and after the drift.
train=5000 before=3000 during=3000 after=3000

# What plays goes with the script, whatever ends it and however soon.
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

# play FRAMES PICTURES RESULTS EMBED-OPTIONS -- ADAPT-CENTROIDS-OPTIONS: plays PICTURES/%05d.png through
# the elements with a progress line, and sets `rate` to the frames per second.
play() {
  local frames=$1 pictures=$2 results=$3 start end embed=()
  shift 3
  while [ "$1" != -- ]; do
    embed+=("$1")
    shift
  done
  shift
  start=$(date +%s%N)
  gst-launch-1.0 -q multifilesrc location="$pictures/%05d.png" caps=image/png,framerate=25/1 ! \
    pngdec ! videoconvert ! embed "${embed[@]}" ! adapt-centroids "$@" ! assign ! \
    publish-clusters location="$results" ! fakesink &
  show_progress $! "$frames" "$results"
  end=$(date +%s%N)
  rate=$((frames * 1000000000 / (end - start)))
}

# Waits for process $1 and shows how many of $2 lines file $3 has.
show_progress() {
  local lines
  while kill -0 "$1" 2>/dev/null; do
    lines=$(wc -l 2>/dev/null <"$3" || echo 0)
    [ ! -t 2 ] || printf '\r  %d of %d frames ' "$lines" "$2" >&2
    sleep 0.2
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
  wait "$1" || fail "the pipeline failed; the reason stands above"
}

# score FILE TITLE: a table of the whole stream and its three parts.
score() {
  printf '\n%s\n' "$2"
  driftcluster score "$1" --labels "$home/stream-labels-idx1-ubyte" \
    --parts "$before,$((before + during))"
}

digits() {
  local home=$output/digits frames=$((before + during + after))
  local model=$home/model.safetensors
  [ -z "$fresh" ] || rm -rf "$home"
  if [ ! -f "$home/stream-labels-idx1-ubyte" ]; then
    say "Drawing $train digits to learn from and a stream of $frames that drifts"
    driftcluster digits --output "$home" --train $train --before $before --during $during --after $after
  fi
  if [ ! -f "$model" ]; then
    say "Training a small encoder (labels stay unused)"
    driftcluster train --method ae --clusters 10 "$home/train-images-idx3-ubyte" --output "$model" --epochs 10
  fi
  say "Streaming with centroids frozen where the training left them"
  play $frames "$home/stream" "$home/frozen.jsonl" model-file="$model" -- model-file="$model" adapt=false
  local frozen_rate=$rate
  say "Streaming with centroids that adapt"
  play $frames "$home/stream" "$home/adapting.jsonl" model-file="$model" -- model-file="$model"
  for run in frozen adapting; do
    driftcluster sheet "$home/$run.jsonl" "$home/stream/%05d.png" --output "$home/$run.png" \
      --title "Digits that drift, $run centroids" >/dev/null
  done

  say "Clusters against the ten digits, in percent (part 1 before, 2 during, 3 after the drift)"
  score "$home/frozen.jsonl" "frozen centroids, $frozen_rate frames/s"
  score "$home/adapting.jsonl" "adapting centroids, $rate frames/s"
  cat <<EOF

Pictures  $home/adapting.png and frozen.png (a row per cluster, time to the right)
Labels    $home/adapting.jsonl (one JSON object per frame)
EOF
}

# check_encoder OPTIONS...: fails unless `embed` can see by it.
check_encoder() {
  gst-launch-1.0 -q videotestsrc num-buffers=1 ! embed "$@" ! fakesink >&2 ||
    fail "$model: pictures cannot be seen by it; the reason stands above"
}

own() {
  local input=$1 home frames encoder=()
  home=$output/$(name_of "$input")
  if [ -n "$model" ]; then
    encoder=(model-file="$model")
    home=$home-by-$(name_of "$model")
    check_encoder "${encoder[@]}"
  fi
  [ -z "$fresh" ] || rm -rf "$home"
  # shellcheck disable=SC2086 # the list is meant to be split
  need_packages $video_packages
  if [ ! -f "$home/frames/origins.txt" ]; then
    say "Decoding $input"
    driftcluster frames "$input" --output "$home/frames" || fail "nothing to show; the reason stands above"
  fi
  frames=$(find "$home/frames" -name '*.png' | wc -l)
  # Twice: the pictures of the warm-up, in which the groups are found, belong to them too.
  say "Finding groups in $frames pictures"
  rm -f "$home"/groups.safetensors*
  play "$frames" "$home/frames" "$home/warm-up.jsonl" "${encoder[@]}" -- \
    clusters="${CLUSTERS:-0}" state-file="$home/groups.safetensors"
  say "Grouping them"
  play "$frames" "$home/frames" "$home/results.jsonl" "${encoder[@]}" -- \
    clusters="${CLUSTERS:-0}" state-file="$home/groups.safetensors"
  driftcluster sheet "$home/results.jsonl" "$home/frames/%05d.png" --cell 96 --columns 12 \
    --output "$home/clusters.png" --title "Clusters of $input"
  cat <<EOF
$frames pictures at $rate frames/s, decoding of PNG included

Pictures  $home/clusters.png (a row per cluster, time to the right)
Labels    $home/results.jsonl (one JSON object per frame; where each came from: frames/origins.txt)
EOF
}

fresh='' model=''
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help) show_help ;;
  --fresh) fresh=yes ;;
  --model=*) model=${1#--model=} ;;
  --model)
    [ $# -ge 2 ] || fail "--model needs the name of an ONNX or model file"
    model=$2
    shift
    ;;
  --*) fail "$1: there is no such option; there are --fresh, --model FILE and --help" ;;
  *) break ;;
  esac
  shift
done
[ $# -le 1 ] || fail "one folder, file or URI at most"
[ -z "$model" ] || [ -f "$model" ] || fail "$model: there is no such file"
[ -z "$model" ] || [ $# -eq 1 ] || fail "--model is for pictures of your own: give a folder, file or URI"
if [ $# -eq 1 ] && [[ $1 != *://* ]] && [ ! -e "$1" ]; then
  fail "$1: there is no such file or folder"
fi
# shellcheck disable=SC2086 # the lists are meant to be split
need_packages $build_packages $run_packages
build_project -Dtests=disabled
use_build
if [ $# -eq 1 ]; then own "$1"; else digits; fi
