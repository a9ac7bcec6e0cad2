#!/usr/bin/env bash
# The demonstration behind ./dev demo: start the example network, look at it, break it, see what changed. It cleans
# up whatever happens.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH=$(readlink -f "${1:-build/release/bin}"):$PATH
name=demo-$$

bold='' cyan='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' cyan=$'\e[36m' plain=$'\e[0m'; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
  printf '%s$ %s%s\n' "$cyan" "$*" "$plain"
  "$@"
}

if [ "$(id -u)" != 0 ]; then
  echo "demo: a lab needs root for its network namespaces; run: sudo ./dev demo" >&2
  exit 3
fi
finish() {
  status=$?
  trap - EXIT INT TERM HUP
  bailey lab down --name "$name" >/dev/null 2>&1 || true
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Tries the pairs of the demonstration. What is not open is an answer here, not a failure.
pairs=$(cat <<'P'
[{"id":"1 other node",     "from":"pod/shop/canary","to":"pod/ops/tools","port":"80/tcp"},
 {"id":"2 udp",            "from":"pod/ops/tools","to":"pod/shop/canary","port":"53/udp"},
 {"id":"3 same VNet",      "from":"pod/shop/canary","to":"host/vm","port":"80/tcp"},
 {"id":"4 peered VNet",    "from":"pod/shop/canary","to":"host/jump","port":"22/tcp"},
 {"id":"5 on-premises",    "from":"pod/shop/canary","to":"host/desk","port":"80/tcp"},
 {"id":"6 and back",       "from":"host/desk","to":"pod/shop/db-0","port":"5432/tcp"},
 {"id":"7 by appliance",   "from":"host/vm","to":"host/desk","port":"80/tcp"},
 {"id":"8 to the Internet","from":"pod/shop/canary","to":"host/internet","port":"443/tcp"},
 {"id":"9 from it",        "from":"host/internet","to":"pod/shop/canary","port":"80/tcp"},
 {"id":"10 not peered",    "from":"host/stray","to":"pod/shop/canary","port":"80/tcp"}]
P
)
probe() { run bailey lab probe --name "$name" --cases - <<<"$pairs"; }

say "1. The manifests of examples/contoso become a network on this machine."
run bailey lab up --name "$name" -f examples/contoso

say "2. What there is, with every address."
run bailey lab status --name "$name"

say "3. Who reaches whom, which source address the far end saw, and how long it took."
probe

say "4. Now one of the two directions of the peering is removed."
run bailey lab delete --name "$name" NetworkPeering/hub-to-contoso

say "5. The same pairs: what went through the hub is gone, with the place and the object that decided it."
probe

say "6. The direction comes back, and so does the traffic."
run bailey lab apply --name "$name" -f examples/contoso/network.yaml
probe

say "7. The end. Nothing remains on this machine."
run bailey lab down --name "$name"
trap - EXIT
say "Next: bailey lab up -f examples/contoso, then bailey lab test -f examples/seed/walkthrough.yaml"
