#!/usr/bin/env bash
# count.sh RESULTS: counts cases in what a test run left behind and prints "N passed, N failed, N skipped".
# Exits 1 when a case failed.
#
# RESULTS/ctest.xml (JUnit, by ctest) says which programs ran and how each ended. Beside it a program may have left
# what it counted itself: NAME.json by GoogleTest (GTEST_OUTPUT), or NAME.count, a line "N passed, N failed,
# N skipped". A program that left nothing is one case. A program that ended badly without a failed case (it
# crashed, or was stopped) counts as one failure more, so nothing that goes wrong can hide.
set -euo pipefail
results=$1
[ -r "$results/ctest.xml" ] || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

# "NAME STATUS" for each program, in the words of ctest: run, fail, disabled, notrun.
programs() {
  awk '/<testcase / {
         name = $0; sub(/.* name="/, "", name); sub(/".*/, "", name)
         status = $0; sub(/.* status="/, "", status); sub(/".*/, "", status)
         if (status == "notrun") lost = name; else lost = ""
         if (lost == "") print name, status
       }
       # A program that skipped itself, or was left out, says so; any other reason not to run is a failure.
       lost != "" && /<skipped|<\/testcase>/ {
         print lost, (/SKIP_RETURN_CODE|Disabled/ ? "notrun" : "fail"); lost = ""
       }' "$results/ctest.xml"
}

# "PASSED FAILED SKIPPED" from GoogleTest's JSON: one "result" a case, "failures" opens the list of a failed one.
# Quotes inside messages are escaped, so these lines are keys and nothing else.
count_json() {
  awk 'function close_case() {
         if (failures) failed++; else if (result == "COMPLETED") passed++; else if (result == "SKIPPED") skipped++
         result = ""; failures = 0
       }
       /^ *"result": "/ { close_case(); result = $2; gsub(/[",]/, "", result) }
       /^ *"failures": \[/ { failures = 1 }
       END { close_case(); print passed + 0, failed + 0, skipped + 0 }' "$1"
}

passed=0 failed=0 skipped=0
while read -r name status; do
  p=0 f=0 s=0
  if [ -s "$results/$name.json" ]; then
    read -r p f s < <(count_json "$results/$name.json")
  elif [ -s "$results/$name.count" ]; then
    read -r p f s < <(tail -n 1 "$results/$name.count" |
      sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) (skipped|pending)$/\1 \2 \3/p')
    p=${p:-0} f=${f:-0} s=${s:-0}
  else
    case $status in run) p=1 ;; disabled | notrun) s=1 ;; esac
  fi
  if [ "$status" = fail ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done < <(programs)

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
