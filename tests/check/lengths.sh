#!/usr/bin/env bash
# lengths.sh [ROOT]: functions have about 60 lines and files about 600. Longer ones are listed; more than 100 and 900 fail.
set -euo pipefail
root=${1:-$(dirname "$(readlink -f "$0")")/../..}
cd "$root"

# The formatter puts the head of a function and its closing brace in column one, and nothing else that ends in "{"
# there but namespaces, types and tables.
find $(ls -d src cmd tests bpf 2>/dev/null) -name '*.cc' -o -name '*.h' -o -name '*.c' | sort | xargs awk '
  function check(what, lines, soft, hard) {
    if (lines > hard) { print what " has " lines " lines, more than " hard; bad = 1 }
    else if (lines > soft) print "note: " what " has " lines " lines, more than " soft
  }
  FNR == 1 { if (last) check(last, count, 600, 900); last = FILENAME; start = 0 }
  { count = FNR }
  /^[A-Za-z].*\{$/ && !/^(namespace|class|struct|enum|union|extern|constexpr|const|static const|inline constexpr)[ :]/ { start = FNR; head = $0 }
  /^}/ && start { check(FILENAME ":" start, FNR - start + 1, 60, 100); start = 0 }
  END { if (last) check(last, count, 600, 900); exit bad }
'
