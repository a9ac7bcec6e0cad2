#!/usr/bin/env bash
# headers.sh [ROOT]: every header compiles alone. A header that is the first include of the .cc of its own name is
# proven by the build; the others are compiled here.
set -euo pipefail
root=${1:-$(dirname "$(readlink -f "$0")")/../..}
cd "$root"

first_include() { sed -nE 's/^ *# *include *"([^"]+)".*/\1/p;/^ *# *include *</q' "$1" | head -n 1; }

to_compile=()
while read -r header; do
  source=${header%.h}.cc
  if [ -e "$source" ]; then
    first=$(first_include "$source")
    if [ "src/$first" = "$header" ] || [ "$(dirname "$header")/$first" = "$header" ]; then continue; fi
  fi
  to_compile+=("$header")
done < <(find src cmd -name '*.h' | sort)
[ ${#to_compile[@]} -gt 0 ] || exit 0
printf '#include "%s"\n' "${to_compile[@]}" |
  xargs -P "$(nproc)" -d '\n' -n 1 sh -c 'printf "%s\n" "$1" | "${CXX:-c++}" -std=c++20 -fsyntax-only -Wall -Wextra -I src -I . -x c++ -' header
