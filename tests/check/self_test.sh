#!/usr/bin/env bash
# self_test.sh [FILE]: every check catches a toy tree that breaks its rule, and lets the mended one pass. FILE gets the count.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
toy=$(mktemp -d)
trap 'rm -rf "$toy"' EXIT
passed=0 failed=0

fresh() {
  rm -rf "$toy"
  mkdir -p "$toy"/{src/{base,model,fabric/sys,reach,manifest},cmd/bailey,tests/check,docs}
  cp "$here/layers.txt" "$toy/tests/check/"
  cp "$here/../../.clang-format" "$toy/"
  printf '#pragma once\nint a();\n' >"$toy/src/base/a.h"
  printf '#include "base/a.h"\n\nint a() { return 1; }\n' >"$toy/src/base/a.cc"
  printf 'cat <<'"'H'"'\n./dev build   build\nH\n' >"$toy/dev"
  printf 'void f() {\n  parent.add_subcommand("check", x);\n  option("-f,--filename");\n}\n' >"$toy/cmd/bailey/check.cc"
}

repeat() { awk -v n="$1" -v text="$2" 'BEGIN { while (n-- > 0) print text }'; }

# expect CHECK good|bad WHAT
expect() {
  local outcome=good
  "$here/$1.sh" "$toy" >"$toy/out" 2>&1 || outcome=bad
  if [ "$outcome" = "$2" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "$1: $3: expected $2, was $outcome"
    cat "$toy/out"
  fi
}

for check in layering headers lengths words docs; do fresh; expect $check good "a tree in order"; done

fresh; echo '#include "reach/r.h"' >"$toy/src/fabric/f.cc"; expect layering bad "sideways include"
fresh; echo '#include "model/m.h"' >"$toy/src/base/b.cc"; expect layering bad "upwards include"
fresh; echo '#include "fabric/sys/s.h"' >"$toy/src/fabric/f.cc"; expect layering bad "pure half includes the sys half"
fresh; echo '#include <unistd.h>' >"$toy/src/model/m.cc"; expect layering bad "system header in a pure library"
fresh; echo '#  include <thread>' >"$toy/src/model/m.cc"; expect layering bad "thread in a pure library"
fresh; echo '#include <unistd.h>' >"$toy/src/model/m_test.cc"; expect layering good "system header in a test"
fresh; echo '#include <nlohmann/json.hpp>' >"$toy/src/model/m.cc"; expect layering bad "third-party header outside its wrapper"
fresh; echo '#include <yaml.h>' >"$toy/src/manifest/yaml_text.h"; expect layering bad "third-party header in a header"
fresh; echo '#include <yaml.h>' >"$toy/src/manifest/yaml.cc"; expect layering good "third-party header in its wrapper"
fresh; mkdir "$toy/src/odd"; echo '#include <string>' >"$toy/src/odd/o.cc"; expect layering bad "folder without a layer"

fresh; printf '#pragma once\nstd::string x();\n' >"$toy/src/base/b.h"; expect headers bad "header that lacks an include"
fresh; printf '#pragma once\nstd::string x();\n' >"$toy/src/base/b.h"
printf '#include <string>\n#include "base/b.h"\n' >"$toy/src/base/b.cc"; expect headers bad "header hidden behind another include"

fresh; { echo 'int f() {'; repeat 120 '  g();'; echo '}'; } >"$toy/src/base/l.cc"; expect lengths bad "long function"
fresh; { echo 'int f() {'; repeat 70 '  g();'; echo '}'; } >"$toy/src/base/l.cc"; expect lengths good "somewhat long function"
fresh; repeat 1000 '// x' >"$toy/src/base/l.cc"; expect lengths bad "long file"

fresh; echo '// TODO: later' >"$toy/src/base/t.cc"; expect words bad "work left"
fresh; echo 'see /home/ann/x' >"$toy/README.md"; expect words bad "somebody's path"

fresh; echo 'Look at `src/base/none.cc`.' >"$toy/README.md"; expect docs bad "file that is not there"
fresh; echo 'Look at `src/base/a.cc` and `a()`.' >"$toy/ARCHITECTURE.md"; expect docs good "names that are there"
fresh; echo 'It calls `base::nothing_like_it()`.' >"$toy/ARCHITECTURE.md"; expect docs bad "function that is not there"
fresh; printf '```\n./dev fly\n```\n' >"$toy/README.md"; expect docs bad "word that dev lacks"
fresh; printf '```\nbailey plan -f x\n```\n' >"$toy/README.md"; expect docs bad "command that is not built"
fresh; printf '```\nbailey check --filename x --deep\n```\n' >"$toy/README.md"; expect docs bad "flag that is not there"
fresh; printf '```\nbailey check --filename x  # reads x\n./dev build\n```\n' >"$toy/README.md"; expect docs good "commands that are there"


walkthrough_tree() { # STATE IN README
  fresh
  mkdir -p "$toy/examples/seed"
  printf 'expect:\n- id: a\n  statement:\n    en: It works.\n    ko: 됩니다.\n  from: pod/a/b\n  to: host/c\n  port: 80/tcp\n' >"$toy/examples/seed/walkthrough.yaml"
  printf '<!-- walkthrough -->\n| s | c | t |\n|---|---|---|\n| It works. | `bailey lab probe --from pod/a/b --to host/c --port 80/tcp` | %s |\n<!-- end of walkthrough -->\n' "$1" >"$toy/README.md"
}
walkthrough_tree works; expect walkthrough good "table in step"
walkthrough_tree "not yet: x"; expect walkthrough bad "table out of step"

if command -v clang-format >/dev/null; then
  fresh; expect format good "formatted file"
  fresh; printf 'int   f( ){return 1;}\n' >"$toy/src/base/f.cc"; expect format bad "file that is not formatted"
fi

count() { # TEXT OF ctest.xml, then NAME CONTENT pairs; prints what count.sh says
  rm -rf "$toy" && mkdir -p "$toy"
  printf '%s\n' "$1" >"$toy/ctest.xml"
  shift
  while [ $# -gt 0 ]; do printf '%s\n' "$2" >"$toy/$1"; shift 2; done
  "$here/count.sh" "$toy" || true
}
same() {
  if [ "$1" = "$2" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "count: $3: expected '$1', was '$2'"; fi
}
case_line() { printf '<testcase name="%s" classname="%s" time="0.1" status="%s">' "$1" "$1" "$2"; }
gtest='        "result": "COMPLETED",
        "result": "COMPLETED",
        "failures": [
        "result": "SKIPPED",'
same "2 passed, 1 failed, 1 skipped" "$(count "$(case_line a fail; echo; case_line b run)" a.json "$gtest")" "GoogleTest's own count"
same "0 passed, 1 failed, 0 skipped" "$(count "$(case_line a fail)")" "a program that crashed"
same "0 passed, 1 failed, 1 skipped" "$(count "$(case_line a fail)" a.json '"result": "SKIPPED",')" "a crash after the count"
same "5 passed, 0 failed, 2 skipped" "$(count "$(case_line a run)" a.count '5 passed, 0 failed, 2 pending')" "a program that counts itself"
same "0 passed, 1 failed, 1 skipped" "$(count "$(case_line a notrun; echo; echo "<skipped message=\"SKIP_RETURN_CODE=77\"/>"; case_line b notrun; echo; echo "<skipped message=\"Unable to find executable\"/>")")" "a program that skipped itself, and one that is missing"
same "0 passed, 1 failed, 0 skipped" "$(rm -rf "$toy"; mkdir "$toy"; "$here/count.sh" "$toy" || true)" "a run that left nothing"

[ -z "${1:-}" ] || mkdir -p "$(dirname "$1")"
echo "$passed passed, $failed failed, 0 skipped" | tee "${1:-/dev/null}"
[ "$failed" = 0 ]
