#!/usr/bin/env bash
# format.sh [ROOT]: every C++ file is as clang-format leaves it (./dev fmt). Skipped where there is no clang-format.
set -euo pipefail
root=${1:-$(dirname "$(readlink -f "$0")")/../..}
cd "$root"
command -v clang-format >/dev/null || { echo "skipped: clang-format is not installed"; exit 77; }
find $(ls -d src cmd tests bpf 2>/dev/null) -name '*.cc' -o -name '*.h' -o -name '*.c' | sort | xargs clang-format --dry-run -Werror --ferror-limit=1 --style=file
