#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What bash offers: completion.sh COMPLETION DRIFTCLUSTER. Prints TAP.
set -u
completion=$(realpath "$1") program=$(realpath "$2")
number=0 failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
mkdir pictures && touch model.safetensors "two words.npy"
# shellcheck source=/dev/null
source "$completion" || exit 1

# expect WHAT OFFERED WORD...: what is offered, in order and separated by |, for the last of the
# words, which stand behind the name of the program.
expect()
{
  local what=$1 expected=$2 offered
  COMP_WORDS=("$program" "${@:3}")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=(left from before)
  _driftcluster
  offered=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd '|')
  ((number++))
  if [[ $offered == "$expected" ]]; then
    echo "ok $number - $what"
  else
    echo "not ok $number - $what"
    echo "# offered \"$offered\" instead of \"$expected\""
    failed=1
  fi
}

files='model.safetensors|pictures|two words.npy'
expect 'commands' '--help|--version|categorise|digits|drift|embed|evaluate|export|frames|import|inspect|points|score|serve|sheet|state|timeline|train' ''
expect 'a command that has begun' 'score|serve|sheet|state' s
expect 'parts of state' 'export|inspect|merge' state ''
expect 'files of a part of state' "$files" state inspect ''
expect 'options of state' '--output=' state merge --o
expect 'no output of a part of state that has none' '' state inspect --o
expect 'no command that begins so' '' x
expect 'options of a command' '--cell=|--columns=' sheet --c
expect 'one option' '--start-from=' train --start
expect 'folders for a collection' 'pictures' categorise p
expect 'the model of a collection' "$files" categorise --model ''
expect 'ways to tag' 'xattr|xmp|xmp-beside' categorise --tag = ''
expect 'the way to tag that has begun' 'xmp|xmp-beside' categorise --tag xm
expect 'whether the number of clusters is revised' 'always|auto|never' drift --revise ''
expect 'whether it is revised behind an equals sign' 'auto' drift --revise = au
expect 'the folder behind a switch' 'pictures' categorise -l ''
expect 'labels of another command' "$files" score -l ''
expect 'a number is not a file' '' serve -p ''
expect 'no option of another command' '' embed --start
expect 'no option of no command' '--help' nonsense --
expect 'methods' 'ae|ae-cm|cm|dekm|secu|tdcm' train --method = ''
expect 'methods behind an equals sign alone' 'ae|ae-cm|cm|dekm|secu|tdcm' train --method =
expect 'methods that have begun' 'ae|ae-cm' train -m a
expect 'the settings of a method' 'pretrain-epochs=' train --method dekm --set pre
expect 'the settings of a method behind an equals sign' 'pretrain-epochs=' \
  train --method = dekm -s pre
expect 'no settings of another method' '' train -m ae --set pre
expect 'streams under drift' 'inversion-recurring|inversion-sudden' drift --stream inv
expect 'methods and peers on such streams' 'forgetting|forgetting-10k|forgetting-1k|forgetting-2k|forgetting-5k' \
  drift --method = for
expect 'no methods of learning on them' '' drift --method dek
expect 'a folder for curves' 'pictures' drift -r pic
expect 'shapes of points' 'rings' points -s r
expect 'ways to prepare pictures' 'caffe|imagenet|raw|unit' import --preprocess ''
expect 'the way that has begun' 'imagenet' import --preprocess = im
expect 'fits' 'crop|letterbox|stretch' import --fit ''
expect 'orders of channels' 'bgr' import --channels b
expect 'files for a model' 'model.safetensors' import -o mod
expect 'nothing for an output of a graph' '' import --output-node ''
expect 'no ways to prepare pictures for another command' '--pictures=' evaluate --p
expect 'a file for a picture of points' 'model.safetensors' points -p mod
expect 'nothing for a side of frames' '' frames -s ''
expect 'model files' "$files" evaluate -m ''
expect 'files behind an equals sign' 'model.safetensors' embed --model-file = mod
expect 'names with spaces stay whole' 'two words.npy' train two
expect 'files for arguments' "$files" inspect ''
expect 'folders to write to' 'pictures' frames --output ''
expect 'folders for a report' 'pictures' train --report = ''
expect 'nothing for a number' '' train --clusters ''
expect 'nothing for a number of another command' '' frames -l ''
expect 'no value for an option that takes none' "$files" train --resume ''
expect 'no files for a command without arguments' '' digits ''
echo "1..$number"
exit $failed
