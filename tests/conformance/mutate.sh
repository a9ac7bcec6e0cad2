#!/usr/bin/env bash
# mutate.sh [-n] [NAME...]: builds one wrong engine after the other and sees whether the cases and properties notice.
# With -n nothing is built: it only says whether each mutation still applies. JOBS compilers run at once.
#
# mutations.txt lists them: a name, the file, a piece of one of its lines, and what stands there instead. Everything
# happens in a copy of the tree below build/mutate, built without sanitizers. The last line counts them; exit 1 when one
# survives or does not apply (its piece is gone or not the only one, or what comes of it does not compile).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
tree=$root/build/mutate/tree
build=$tree/build/quick  # as deep as other builds are, so that the compiler cache knows its libraries
log=$root/build/mutate/log
jobs=${JOBS:-$(nproc)}
tests=(src/reach/reach_test tests/conformance/reach_conformance_test tests/conformance/reach_properties_test)
declare -A limit=()  # seconds for each test

# replace FILE FROM TO: the file's text with the change; the piece must stand in exactly one of its lines.
replace() {
  FROM=$2 TO=$3 awk '
    BEGIN { from = ENVIRON["FROM"]; to = ENVIRON["TO"] }
    { at = index($0, from) }
    at { found++; $0 = substr($0, 1, at - 1) to substr($0, at + length(from)) }
    { print }
    END { exit found == 1 ? 0 : 1 }' "$root/$1"
}

prepare() {
  mkdir -p "$tree"
  # Only what differs, and with new times: what an earlier run compiled of a wrong engine is compiled again.
  git ls-files -z --cached --others --exclude-standard -- CMakeLists.txt cmake bpf src cmd tests |
    while IFS= read -r -d '' file; do
      cmp -s "$file" "$tree/$file" || cp --parents "$file" "$tree"
    done
  # One file of the engine is compiled anew for a mutation, not all of them.
  echo 'set_target_properties(bailey_reach PROPERTIES UNITY_BUILD OFF)' >>"$tree/CMakeLists.txt"
  cp CMakePresets.json "$tree"
  (cd "$tree" && cmake --preset quick -DBAILEY_TESTS=ON >"$log" 2>&1) || { tail -20 "$log" >&2; exit 2; }
}

compile() { ninja -C "$build" -j"$jobs" "$@" >"$log" 2>&1; }
run() { GTEST_FAIL_FAST=1 timeout "${limit[$1]:-600}" "$build/$1" >"$log" 2>&1; }

# Without any mutation all of them pass; how long that takes says when a wrong engine goes on for ever.
run_unchanged() {
  local test start
  compile "${tests[@]}" || { tail -20 "$log" >&2; exit 2; }
  for test in "${tests[@]}"; do
    start=$SECONDS
    run "$test" || { echo "mutate.sh: ${test##*/} fails without any mutation" >&2; exit 2; }
    limit[$test]=$((20 + 10 * (SECONDS - start)))
  done
}

# Which test notices, "" where none does; fails where it does not compile. A test is linked when its turn comes.
noticed() {
  local test
  for test in "${tests[@]}"; do
    compile "$test" || return 1
    run "$test" || { echo "${test##*/}"; return; }
  done
}

only_apply=
[ "${1:-}" != -n ] || { only_apply=1; shift; }
cd "$root"
[ -n "$only_apply" ] || { prepare; run_unchanged; }

total=0 caught=0 survived=0 lost=0
lose() { lost=$((lost + 1)); echo "NOT APPLIED  $1: $2"; }
while IFS= read -r name; do
  case $name in '' | '#'*) continue ;; esac
  IFS= read -r file && IFS= read -r from && IFS= read -r to
  [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
  total=$((total + 1)) start=$SECONDS
  if ! changed=$(replace "$file" "$from" "$to"); then
    lose "$name" "not in exactly one line of $file: $from"
    continue
  fi
  [ -z "$only_apply" ] || continue
  printf '%s\n' "$changed" >"$tree/$file"
  if ! by=$(noticed); then
    lose "$name" "$(grep -m1 'error: ' "$log" || echo 'does not build')"
  elif [ -n "$by" ]; then
    caught=$((caught + 1))
    echo "caught       $name  $by  $((SECONDS - start)) s"
  else
    survived=$((survived + 1))
    echo "SURVIVED     $name"
  fi
  cp "$file" "$tree/$file"
done <"$here/mutations.txt"
[ "$total" -gt 0 ] || { echo "mutate.sh: no mutation has such a name: $*" >&2; exit 2; }
if [ -n "$only_apply" ]; then
  echo "$total mutations: $lost did not apply"
else
  echo "$total mutations: $caught caught, $survived survived, $lost did not apply"
fi
[ $((survived + lost)) = 0 ]
