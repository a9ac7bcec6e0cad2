#!/usr/bin/env bash
# sarif.sh [BAILEY]: what `bailey check -o sarif` prints for every example, in both languages, for names that need quoting
# and for no input at all, against the validator that the format's editors keep (npm, about 100 MB, into build/tools).
#
# The validator's own status says nothing, and a log that it cannot read it passes over in silence. So its lines are
# counted: each log gets the warning SARIF2005 (the driver has no informationUri, since there is no page to name), which
# shows that it was read, and must get no other warning and no error. Notes are not looked at.
set -euo pipefail
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
bailey=${1:-$root/build/release/bin/bailey}
tool=$root/build/tools/sarif
package=@microsoft/sarif-multitool-linux
validator=$tool/node_modules/$package/Sarif.Multitool
[ -x "$bailey" ] || { echo "sarif.sh: there is no $bailey; ./dev build makes it" >&2; exit 2; }
bailey=$(readlink -f "$bailey")
if [ ! -e "$validator" ]; then
  command -v npm >/dev/null || { echo "sarif.sh: npm is missing" >&2; exit 3; }
  mkdir -p "$tool"
  npm install --silent --no-audit --no-fund --prefix "$tool" "$package@5.7.0" >&2
fi
chmod +x "$validator"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/logs"

# log NAME ARGUMENTS...: findings are no failure, no log is one.
log() {
  local file=$work/logs/$1.sarif status=0
  shift
  "$bailey" "$@" -o sarif >"$file" 2>"$work/err" || status=$?
  [ "$status" -le 2 ] && [ -s "$file" ] || { echo "sarif.sh: no log from: $*" >&2; cat "$work/err" >&2; exit 1; }
}

cd "$root"
log contoso check -f examples/contoso
for file in examples/seed/*.yaml examples/seed/mistakes/*.yaml; do
  log "seed-$(basename "$file" .yaml)" check -f examples/contoso -f "$file"
done
for folder in examples/rules/*; do
  previous=()
  [ ! -e "$folder/previous.yaml" ] || previous=(--previous "$folder/previous.yaml")
  for kind in good bad; do
    log "$(basename "$folder")-$kind" check -f "$folder/$kind.yaml" "${previous[@]}"
  done
  log "$(basename "$folder")-ko" --lang ko check --profile classic -f "$folder/bad.yaml" "${previous[@]}"
done
log empty check -f - </dev/null
log broken check -f - <<<'a: b: c'
odd="$work/a b/과일#1%20?"
mkdir -p "$odd"
for name in "a \"q\" 'x' & <b>#%41;[{]}|^\`é.yaml" 'c:d.yaml' 'back\slash.yaml' $'bad\xff.yaml'; do
  cp examples/rules/CID-13/bad.yaml "$odd/$name"
done
log absolute check -f "$odd"
(cd "$odd/.." && log relative check -f .)
(cd "$odd" && log colon check -f c:d.yaml && log above check -f .//../)

"$validator" validate "$work/logs/*.sarif" -o "$work/report.sarif" --log ForceOverwrite >"$work/lines" 2>&1 || {
  cat "$work/lines" >&2
  exit 1
}
valid=0 total=0
for file in "$work"/logs/*.sarif; do
  total=$((total + 1))
  found=$(grep -F "$file(" "$work/lines" | grep -E '\): (error|warning) ' || true)
  others=$(grep -v ' warning SARIF2005: ' <<<"$found" || true)
  if [ -n "$found" ] && [ -z "$others" ]; then
    valid=$((valid + 1))
  else
    echo "${others:-$file: the validator could not read it}" | sed "s|$work/logs/||"
  fi
done
echo "$valid of $total logs are valid"
[ "$valid" = "$total" ]
