#!/usr/bin/env bash
# mutate.sh [NAME...]: builds one wrong engine after the other and sees whether the cases and properties notice.
#
# mutations.txt lists them: a name, the file, a piece of one of its lines, and what stands there instead. Everything
# happens in a copy of the tree below build/mutate, built without sanitizers. Exit 1 when a mutation survives.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
tree=$root/build/mutate/tree
build=$tree/build/quick  # as deep as other builds are, so that the compiler cache knows its libraries
log=$root/build/mutate/log
tests="src/reach/reach_test tests/conformance/reach_conformance_test tests/conformance/reach_properties_test"

cd "$root"
mkdir -p "$tree"
# Only what differs, and with new times: what an earlier run compiled of a wrong engine is compiled again.
git ls-files -z --cached --others --exclude-standard -- CMakeLists.txt cmake src cmd tests |
  while IFS= read -r -d '' file; do
    cmp -s "$file" "$tree/$file" || cp --parents "$file" "$tree"
  done
# One file of the engine is compiled anew for a mutation, not all of them.
echo 'set_target_properties(bailey_reach PROPERTIES UNITY_BUILD OFF)' >>"$tree/CMakeLists.txt"
cp CMakePresets.json "$tree"
(cd "$tree" && cmake --preset quick -DBAILEY_TESTS=ON >"$log")

compile() { ninja -C "$build" -j2 reach_test reach_conformance_test reach_properties_test >"$log" 2>&1; }
# Which test notices; nothing where none does.
noticed() {
  local test
  for test in $tests; do
    GTEST_FAIL_FAST=1 timeout 300 "$build/$test" >"$log" 2>&1 || { basename "$test"; return; }
  done
}

# replace FILE FROM TO: in the copy; the piece must stand in it exactly once.
replace() {
  FROM=$2 TO=$3 awk '
    BEGIN { from = ENVIRON["FROM"]; to = ENVIRON["TO"] }
    { at = index($0, from) }
    at { found++; $0 = substr($0, 1, at - 1) to substr($0, at + length(from)) }
    { print }
    END { exit found == 1 ? 0 : 1 }' "$root/$1" >"$tree/$1"
}

compile || { tail -20 "$log"; exit 1; }
survivor=$(noticed)
[ -z "$survivor" ] || { echo "mutate.sh: $survivor fails without any mutation" >&2; exit 2; }

total=0 caught=0
while IFS= read -r name; do
  case $name in '' | '#'*) continue ;; esac
  IFS= read -r file && IFS= read -r from && IFS= read -r to
  [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
  replace "$file" "$from" "$to" || { echo "mutate.sh: $name: not exactly once in $file: $from" >&2; exit 2; }
  total=$((total + 1))
  compile || { echo "mutate.sh: $name does not compile: $(grep -m1 error "$log")" >&2; exit 2; }
  by=$(noticed)
  cp "$root/$file" "$tree/$file"
  if [ -n "$by" ]; then
    caught=$((caught + 1))
    echo "caught    $name  $by"
  else
    echo "SURVIVED  $name"
  fi
done <"$here/mutations.txt"
echo "$caught of $total mutations caught"
[ "$caught" = "$total" ]
