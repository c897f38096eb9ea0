# SPDX-License-Identifier: LGPL-2.1-or-later
# What the recipes for cameras and recordings share. Source it after common.sh; it sets `patience`, which is an option of
# theirs, and `stopped`.

# is_camera INPUT: whether it is a stream that may break off and come back.
is_camera() { [[ $1 == rtsp://* || $1 == rtspt://* || $1 == rtsps://* ]]; }

# check_input INPUT: fails unless it is a file that can be read, or a URI.
check_input() {
  [[ $1 != *://* ]] || return 0
  [ -e "$1" ] || fail "$1: there is no such file"
  [ -f "$1" ] || fail "$1: is not a file; give a video file or a URI such as rtsp://camera/stream"
  [ -r "$1" ] || fail "$1: may not be read"
  [ -s "$1" ] || fail "$1: is empty"
}

# check_model FILE: fails unless it is there, or empty.
check_model() { [ -z "$1" ] || [ -f "$1" ] || fail "$1: there is no such model"; }

# check_clusters NUMBER, check_patience SECONDS: fail unless they are numbers of the range.
check_clusters() { [[ $1 =~ ^[0-9]+$ ]] || fail "--clusters $1: a whole number is needed"; }
check_patience() {
  [[ $1 =~ ^[1-9][0-9]{0,3}$ ]] || fail "--patience $1: whole seconds, 1 to 9999, are needed"
}

# make_output DIR: makes the folder, or fails unless files can be written to it.
make_output() {
  mkdir -p "$1" 2>/dev/null || fail "$1: the folder cannot be made"
  [ -w "$1" ] || fail "$1: may not be written to"
}

# check_state FILE: fails unless groups can be kept there.
check_state() {
  local folder
  folder=$(dirname "$1")
  [ -d "$folder" ] || fail "$1: there is no folder $folder for the groups"
  [ -w "$folder" ] || fail "$1: may not be written to"
  [ ! -d "$1" ] || fail "$1: is a folder; give the file for the groups"
}

# Seconds that a camera may say nothing, and that a stream gets to end in good order.
patience=10

# set_source INPUT: sets `source` to the elements that give its pictures in I420. A camera that says
# nothing for $patience seconds is an error; its other media are left alone.
set_source() {
  local convert=(videoconvert ! video/x-raw,format=I420)
  if is_camera "$1"; then
    source=(rtspsrc "location=$1" latency=300 protocols=tcp "tcp-timeout=${patience}000000" !
      application/x-rtp,media=video ! decodebin ! watchdog "timeout=${patience}000" ! "${convert[@]}")
  elif [[ $1 == *://* ]]; then
    source=(uridecodebin "uri=$1" ! "${convert[@]}")
  else
    source=(filesrc "location=$1" ! decodebin ! "${convert[@]}")
  fi
}

# set_embed MODEL: sets `embed` to the element that looks at what moves, and `votes` to the looks at a
# thing that vote on its group. A network costs, so it looks at a thing that is followed five times a
# second and when it has grown; the built-in descriptor looks at every frame.
set_embed() {
  embed=(embed inference-region=roi-list) votes=15
  [ -z "$1" ] || { embed+=("model-file=$1" reembed-interval=200000000) && votes=5; }
}

# set_video FILE: sets `video` to the elements that write pictures to a WebM file, and notes the file.
written=()
set_video() {
  written+=("$1")
  video=(queue ! videoconvert ! vp8enc deadline=1 cpu-used=8 threads=2 target-bitrate=2000000
    keyframe-max-dist=100 ! webmmux ! filesink "location=$1")
}

# explain LOG: a line on what to do about the errors of gst-launch-1.0 that users meet.
explain() {
  if grep -qiE 'missing a plug-?in|no suitable plugins|no decoder' "$1"; then
    echo "There is no decoder for this video: install gstreamer1.0-libav (apt-get install $video_packages)."
  elif grep -qiE 'could not determine type|not contain enough data|no playable|no valid frames|no moov|invalid atom|corrupt|This file contains no|no known streams|no picture has come|Could not demultiplex' "$1"; then
    echo "This is no video that can be read: is it whole?"
  elif grep -qiE 'reason not-linked' "$1"; then
    echo "There is no video in it."
  elif grep -qiE 'could not connect|failed to connect|connection refused|not found \(404\)|could not open resource|unauthorized|watchdog triggered|could not (receive|read)|server closed|name or service' "$1"; then
    echo "The camera cannot be reached, or has gone: check address, network and password."
  elif grep -qiE 'no space left' "$1"; then
    echo "The disk is full."
  elif grep -qiE 'made with (the|another) encoder|belongs to' "$1"; then
    echo "The state belongs to another encoder: use the same --model, or another --state."
  else
    echo "The pipeline failed; the reason stands above."
  fi
}

# Whether any picture has come: filesink makes the file empty, pictures fill it.
anything_written() {
  local file
  for file in "${written[@]}"; do [ ! -s "$file" ] || return 0; done
  return 1
}

# Half seconds that a command gets to end. A camera that has sent nothing is not waited for: the end of
# the stream cannot reach elements that are not linked yet.
time_to_end() {
  if [ -n "$stopped" ] && ! anything_written; then echo 2; else echo $((2 * patience)); fi
}

# attend LOG COMMAND...: runs it with its output in LOG and returns its status. It has a process group
# of its own, so that Ctrl-C reaches it once, from here. After Ctrl-C, SIGTERM or an error in LOG it has
# to end in time (rtspsrc of GStreamer 1.22 may hang when it is stopped), or it is killed; so it is when
# no picture has come in six times $patience seconds (decodebin of GStreamer 1.26 may hang on a recording
# that was cut off). `stopped` says whether a signal came, `broken_off` whether the command was killed.
stopped='' broken_off=''
attend() {
  local log=$1 status=0 left='' quiet=0 child
  shift
  trap 'stopped=yes' INT TERM # for good: from here on signals do no more than that
  [ -z "$stopped" ] || return 130
  set -m
  "$@" </dev/null >>"$log" 2>&1 &
  child=$!
  set +m
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.5 || true
    if [ -n "$left" ]; then
      left=$((left - 1))
      [ "$left" -gt 0 ] || { kill -KILL "$child" && broken_off=yes; } 2>/dev/null
    elif [ -n "$stopped" ]; then
      kill -INT "$child" 2>/dev/null || true
      left=$(time_to_end)
    elif grep -q '^ERROR' "$log"; then
      left=$(time_to_end)
    elif [ "$log" != /dev/null ] && ! anything_written; then
      quiet=$((quiet + 1))
      [ "$quiet" -lt $((12 * patience)) ] || echo "ERROR: no picture has come in $((6 * patience)) s" >>"$log"
    fi
  done
  wait "$child" 2>/dev/null || status=$?
  return "$status"
}

# launch ELEMENTS...: runs gst-launch-1.0; on failure shows what it said, once, and leaves the
# explanation in `reason`. Ctrl-C ends the stream in good order, so that the files are whole.
launch() {
  local log status=0
  log=$(mktemp)
  attend "$log" gst-launch-1.0 -q -e "$@" || status=$?
  [ -z "$stopped" ] || status=0
  [ -z "$stopped" ] || [ -z "$broken_off" ] || ! anything_written ||
    echo "The stream did not end within $patience s and was broken off; the end of the video may be missing." >&2
  if [ "$status" -ne 0 ] || { [ -z "$stopped" ] && grep -q '^ERROR' "$log"; }; then
    grep -E '^(ERROR|WARNING)|erroneous pipeline' "$log" | sort -u | head -4 >&2 || true
    reason=$(explain "$log")
    rm -f "$log"
    return 1
  fi
  grep -E '^WARNING' "$log" | sort -u | head -4 >&2 || true
  rm -f "$log"
}
