#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is new since yesterday: learns the groups of one recording and lists what moves in another one and
# fits none of them.
#
#   ./pipelines/whats-new.sh YESTERDAY TODAY    a file each; YESTERDAY may also be the state
#                                               (groups.safetensors) that surveillance.sh has kept
#   --rate RATE    share of usual things that may be listed by mistake (default 0.05)
#   --model FILE, --output DIR, --clusters N    as for surveillance.sh (default output/whats-new)
#
# Writes DIR/today/video.webm, where novel things have a box in turns of white and a question mark,
# DIR/today/results.jsonl, and prints one line for each thing that is new:
#   TRACK  FIRST SEEN  LAST SEEN (seconds)  REGIONS  SHARE OF THEM THAT IS NOVEL
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/video.sh"

rate=0.05 output=$root/output/whats-new inputs=() options=()
while [ $# -gt 0 ]; do
  case $1 in
  --rate | --output)
    [ $# -ge 2 ] || fail "$1 needs a value"
    printf -v "${1#--}" %s "$2"
    shift
    ;;
  --model | --clusters)
    [ $# -ge 2 ] || fail "$1 needs a value"
    options+=("$1" "$2")
    shift
    ;;
  -h | --help) show_help ;;
  --*) fail "$1: there is no such option; --help lists them" ;;
  *) inputs+=("$1") ;;
  esac
  shift
done
[ ${#inputs[@]} -eq 2 ] || fail "two recordings are needed, not ${#inputs[@]}"
for input in "${inputs[@]}"; do check_input "$input"; done
[[ $rate =~ ^(0?\.[0-9]+|[01])$ ]] || fail "--rate $rate: a share from 0 to 1 is needed"
surveil() { "$root/pipelines/surveillance.sh" "${options[@]}" "$@"; }

make_output "$output/today"
# surveillance.sh appends to what it has recorded of a camera; here only this call counts.
rm -f "$output/yesterday/results.jsonl" "$output/today/results.jsonl"
state=$output/groups.safetensors
if ! [ "${inputs[0]}" -ef "$state" ]; then # those of the last time may be given where they lie
  rm -f "$state" "$state.previous"
  if [[ ${inputs[0]} == *.safetensors ]]; then
    cp "${inputs[0]}" "$state" || fail "${inputs[0]}: cannot be copied to $state"
  else
    surveil --output "$output/yesterday" --state "$state" "${inputs[0]}" >&2
    grep -q '"cluster":{' "$output/yesterday/results.jsonl" ||
      fail "${inputs[0]}: too little moves for groups; take a longer recording"
  fi
fi
# A copy, because what is seen today is remembered in it: the groups can be given again as they are.
cp "$state" "$output/today/groups.safetensors"
surveil --output "$output/today" --freeze --novelty "$rate" "${inputs[1]}" >&2

say "New in ${inputs[1]}"
# A track of five regions or more is new when at least a third of them fits no group.
awk '{
  match($0, /"stream_time":[0-9]+/)
  time = substr($0, RSTART + 14, RLENGTH - 14) / 1e9
  n = split($0, part, /"region_id":/)
  for (i = 2; i <= n; i++) {
    id = part[i] + 0
    if (!(id in seen)) first[id] = time
    last[id] = time
    seen[id]++
    novel[id] += part[i] ~ /"novel":true/
  }
} END {
  for (id in seen)
    if (seen[id] >= 5 && 3 * novel[id] >= seen[id])
      printf "%d\t%.1f\t%.1f\t%d\t%.2f\n", id, first[id], last[id], seen[id], novel[id] / seen[id]
}' "$output/today/results.jsonl" | sort -n | tee "$output/new.tsv"
[ -s "$output/new.tsv" ] || echo "nothing"
