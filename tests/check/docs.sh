#!/usr/bin/env bash
# docs.sh [ROOT]: what the documents name is there: files and folders, functions (`name()`), commands and their flags.
set -euo pipefail
root=${1:-$(dirname "$(readlink -f "$0")")/../..}
cd "$root"
status=0
complain() { echo "$*"; status=1; }
documents=()
for document in README.md README.ko.md ARCHITECTURE.md CONTRIBUTING.md docs/*.md; do
  [ ! -e "$document" ] || documents+=("$document")
done
[ ${#documents[@]} -gt 0 ] || exit 0

# Rows of the walkthrough that are not built yet name what is to come.
quoted() { { grep -vE '\| (not yet|아직)' "$1" | grep -ohE '`[^`]+`' || true; } | tr -d '`' | sort -u; }
words_of_dev=$(sed -n "/<<'H'/,/^H/p" dev | sed -nE 's/^\.\/dev ([a-z]+).*/\1/p')
commands=$(cat cmd/bailey/*.cc | grep -oE 'add_subcommand\("[a-z]+"' | sed -E 's/.*"(.*)"/\1/')

for document in "${documents[@]}"; do
  while read -r word; do
    case $word in
      src/* | cmd/* | tests/* | examples/* | docs/* | cmake/* | bpf/* | .ci/*)
        path=${word%%[ :*\{]*}
        [ -e "$path" ] || complain "$document: there is no $path" ;;
      *'()')
        name=${word%'()'}
        name=${name##*::}
        grep -rqE "\b$name\(" src cmd bpf 2>/dev/null || complain "$document: there is no function $word" ;;
    esac
  done < <(quoted "$document")

  # Commands stand in backticks or on lines of their own in code blocks; what follows "#" there is prose.
  while read -r line; do
    read -r -a words <<<"$line"
    if [ "${words[0]}" = ./dev ] && [ ${#words[@]} -gt 1 ]; then
      grep -qx -- "${words[1]}" <<<"$words_of_dev" || complain "$document: ./dev has no word '${words[1]}'"
    elif [ "${words[0]##*/}" = bailey ] && [ ${#words[@]} -gt 1 ]; then
      for word in "${words[@]:1:2}"; do
        [[ $word =~ ^[a-z]+$ ]] || break
        grep -qx -- "$word" <<<"$commands" || { complain "$document: bailey has no command '$word' ($line)"; break; }
        [ "$word" = lab ] || break
      done
      for word in "${words[@]:1}"; do
        [ "$word" != -- ] || break
        [[ $word =~ ^--[a-z-]+ ]] || continue
        flag=${word%%=*}
        grep -qE -- "[\",]${flag}[\",]" cmd/bailey/*.cc || complain "$document: bailey has no flag $flag ($line)"
      done
    fi
  done < <({ quoted "$document"; sed -n '/^```/,/^```/p' "$document"; } | sed -nE 's/^(\$ |sudo )?((\.\/dev|([a-z./]*\/)?bailey)( .*)?)$/\2/p' | sed 's/ *#.*//' | sort -u)
done
exit $status
