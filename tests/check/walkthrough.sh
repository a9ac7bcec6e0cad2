#!/usr/bin/env bash
# walkthrough.sh [ROOT] [--write]: the tables at the head of README.md and README.ko.md say what examples/seed/walkthrough.yaml
# says. --write brings them up to date.
set -euo pipefail
root=${1:-$(dirname "$(readlink -f "$0")")/../..}
cd "$root"
rows=examples/seed/walkthrough.yaml

# LANGUAGE WORD-FOR-WORKS WORD-FOR-NOT-YET: the rows of the table. Reads the plain shape that the file keeps to: one
# field a line, flow lists for commands.
table() {
  awk -v lang="$1" -v works="$2" -v not_yet="$3" '
    function plain(text) {
      sub(/^ *[a-z_]+: */, "", text)
      if (text ~ /^".*"$/) text = substr(text, 2, length(text) - 2)
      return text
    }
    function close_row(   shown) {
      if (statement == "") return
      shown = command
      if (from != "") shown = "bailey lab probe --from " from " --to " to " --port " port
      if (url != "") shown = url
      if (shown != "") shown = "`" shown "`"
      gsub(/\|/, "\\|", statement)
      print "| " statement " | " shown " | " (pending == "" ? works : not_yet ": " pending) " |"
      statement = command = from = to = port = url = pending = ""
    }
    /^# [A-Z]/ && seen && !/:$/ { next }
    /^expect:/ { seen = 1 }
    /^- id:/ { close_row(); part = "" }
    /^  statement:/ { part = "statement" }
    /^  pending:/ { part = "pending" }
    /^  [a-z_]+: / { part = "" }
    part != "" && index($0, "    " lang ": ") == 1 { if (part == "statement") statement = plain($0); else pending = plain($0) }
    /^  from: / { from = plain($0) }
    /^  to: / { to = plain($0) }
    /^  port: / { port = plain($0) }
    /^  http: / { url = $0; sub(/.*url: "/, "", url); sub(/".*/, "", url) }
    /^  command: / {
      command = $0; sub(/^  command: \[/, "", command); sub(/\]$/, "", command)
      gsub(/, /, " ", command); gsub(/"/, "", command); gsub(/\{lab\}/, "default", command)
    }
    END { close_row() }' "$rows"
}

# FILE LANGUAGE WORDS...: the file with the block between its two markers replaced.
renewed() {
  local file=$1
  shift
  table "$@" >"$scratch"
  awk -v rows="$scratch" '
    /^<!-- walkthrough -->$/ { print; getline; print; getline; print; while ((getline line < rows) > 0) print line; skip = 1; next }
    /^<!-- end of walkthrough -->$/ { skip = 0 }
    !skip { print }' "$file"
}

scratch=$(mktemp)
trap 'rm -f "$scratch" "$scratch.new"' EXIT
status=0
[ -e "$rows" ] || exit 0
while IFS=: read -r file lang works not_yet; do
  [ -e "$file" ] || continue
  renewed "$file" "$lang" "$works" "$not_yet" >"$scratch.new"
  if [ "${2:-}" = --write ]; then
    cp "$scratch.new" "$file"
  elif ! diff "$file" "$scratch.new"; then
    echo "$file is not what $rows says: run tests/check/walkthrough.sh . --write"
    status=1
  fi
done <<'W'
README.md:en:works:not yet
README.ko.md:ko:됨:아직
W
exit $status
