#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Applies .clang-format to every C file of the tree: format.sh CLANG_FORMAT
set -eu
cd "${MESON_SOURCE_ROOT:-.}"
git ls-files '*.c' '*.h' | xargs "$1" -i
