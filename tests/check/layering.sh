#!/usr/bin/env bash
# layering.sh [ROOT]: every include in src/ and cmd/ is one that layers.txt allows.
set -euo pipefail
root=${1:-$(dirname "$(readlink -f "$0")")/../..}
cd "$root"
rules=tests/check/layers.txt

find src cmd -name '*.cc' -o -name '*.h' | sort | xargs grep -nE '^ *# *include *[<"]' /dev/null | awk -v rules="$rules" '
  function layer_of(path,   best, folder) {
    best = ""
    for (folder in kind) if (index(path, folder "/") == 1 && length(folder) > length(best)) best = folder
    return best
  }
  function fits(file, patterns,   list, count, i, pattern) {
    count = split(patterns, list, " ")
    for (i = 1; i <= count; i++) {
      pattern = list[i]
      gsub(/\./, "[.]", pattern); gsub(/\*/, ".*", pattern)
      if (file ~ "^" pattern "$") return 1
    }
    return 0
  }
  function complain(text) { print place ": " text; bad = 1 }
  BEGIN {
    while ((getline line < rules) > 0) {
      count = split(line, word, " ")
      if (word[1] == "layer") {
        kind[word[2]] = word[3]
        for (i = 4; i <= count; i++) allowed[word[2], word[i]] = 1
      } else if (word[1] == "wrap") {
        for (i = 3; i <= count; i++) wrap[word[2]] = wrap[word[2]] " " word[i]
      }
    }
    system_headers = "^(unistd|fcntl|poll|signal|sched|spawn|pthread|dirent|netdb|ifaddrs|time)[.]h$|^(sys|net|netinet|linux)/" \
      "|^(thread|mutex|condition_variable|future|shared_mutex|stop_token|fstream|filesystem|csignal|ctime|random|iostream)$"
  }
  {
    file = $0; sub(/:.*/, "", file)
    number = $0; sub(/^[^:]*:/, "", number); sub(/:.*/, "", number)
    header = $0; sub(/^[^<"]*[<"]/, "", header); sub(/[>"].*/, "", header)
    place = file ":" number
    from = layer_of(file)
    is_test = file ~ /_test[.]cc$|_for_test[.]h$/
    if (from == "") { complain("no layer in layers.txt holds this file"); next }
    for (prefix in wrap) if (index(header, prefix) == 1 && !fits(file, wrap[prefix]))
      complain("<" header "> may only be included by" wrap[prefix])
    if (is_test) next
    if ($0 ~ /include *</) {
      if (kind[from] == "pure" && header ~ system_headers) complain("<" header "> in " from ", which is pure")
      next
    }
    to = layer_of("src/" header)
    if (to == "") next   # beside the file itself
    if (to != from && !((from, to) in allowed)) complain(from " may not include " to " (" header ")")
  }
  END { exit bad }
'
