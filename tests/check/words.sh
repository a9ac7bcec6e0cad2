#!/usr/bin/env bash
# words.sh [ROOT]: no work is left lying about in the sources, and no path of somebody's machine.
set -euo pipefail
root=${1:-$(dirname "$(readlink -f "$0")")/../..}
cd "$root"
paths=()
for path in src cmd tests bpf examples docs dev .ci ./*.md ./*.txt cmake; do [ ! -e "$path" ] || paths+=("$path"); done
files=$(find "${paths[@]}" -type f | grep -vE '^tests/(check/(words|self_test)[.]sh|fuzz/corpus/)' | sort)
# shellcheck disable=SC2086
! grep -nE '\b(TODO|FIXME|XXX|HACK)\b|/home/[a-z]+/|/work/' $files
