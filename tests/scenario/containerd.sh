#!/usr/bin/env bash
# Debian's containerd with our plugin, in namespaces of its own: no service, no file of the machine's, no route.
#   containerd.sh TOOLS PLUGIN CONFLIST FOLDER NAME
# TOOLS: unpacked Debian packages. FOLDER: empty, for everything that is written. NAME: of the containers and their namespace.
# Prints one line a fact: KEY VALUE. Run it with: unshare --mount --net --pid --fork --mount-proc
set -euo pipefail
tools=$1 plugin=$2 conflist=$3 folder=$4 name=$5
export PATH=$tools/usr/bin:$tools/usr/sbin:$PATH

mount --make-rprivate /
mount -t tmpfs none /run
mkdir -p /run/containerd /run/netns
mkdir -p "$folder"/{root,etc/cni/net.d,rootfs/bin,rootfs/proc,rootfs/sys,rootfs/dev,rootfs/etc}
cp /etc/passwd /etc/group /etc/hosts "$folder/etc/"
cp "$conflist" "$folder/etc/cni/net.d/"
mount --bind "$folder/etc" /etc
mount -t tmpfs none /opt
mkdir -p /opt/cni/bin
cp "$plugin" /opt/cni/bin/bailey-cni
cp "$tools/bin/busybox" "$folder/rootfs/bin/"
for applet in sh ip nc cat sleep; do ln -s busybox "$folder/rootfs/bin/$applet"; done
ip link set lo up

cat >"$folder/config.toml" <<C
version = 2
root = "$folder/root"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "/run/containerd/containerd.sock"
C
containerd -c "$folder/config.toml" >"$folder/containerd.log" 2>&1 &
daemon=$!
# The runtime makes a control group named after its namespace and leaves it.
tidy() {
  kill "$daemon" 2>/dev/null || true
  wait "$daemon" 2>/dev/null || true
  find /sys/fs/cgroup -maxdepth 2 -type d -name "$name" -exec rmdir {} + 2>/dev/null || true
}
trap tidy EXIT
ctr() { command ctr -a /run/containerd/containerd.sock -n "$name" "$@"; }
for _ in $(seq 200); do ctr version >/dev/null 2>&1 && break; sleep 0.05; done

# A server that answers with the address that it sees, for as long as its standard input is open.
mkfifo "$folder/hold"
ctr run --rm --cni --rootfs "$folder/rootfs" "$name-server" /bin/sh -c \
  'ip -o addr show eth0 | cat; nc -ll -p 80 -e /bin/sh -c "echo hello" & cat' <"$folder/hold" >"$folder/server.out" 2>&1 &
server=$!
exec 9>"$folder/hold"
for _ in $(seq 200); do grep -q 'inet ' "$folder/server.out" 2>/dev/null && break; sleep 0.05; done
v4=$(sed -n 's/.* inet \([0-9.]*\).*/\1/p' "$folder/server.out")
v6=$(sed -n 's/.* inet6 \(fd[0-9a-f:]*\).*/\1/p' "$folder/server.out")
echo "server_v4 $v4"
echo "server_v6 $v6"
echo "held $(find /run/bailey/ipam -maxdepth 1 -type f ! -name '.*' | wc -l)"

for address in $v4 $v6; do
  answer=$(ctr run --rm --cni --rootfs "$folder/rootfs" "$name-client" /bin/sh -c \
    "for i in 1 2 3 4 5 6 7 8 9 10; do nc -w 2 $address 80 </dev/null && exit; sleep 0.1; done" 2>&1) || true
  echo "answer_from_$address $answer"
done

exec 9>&-
wait "$server" || true
echo "held_after $(find /run/bailey/ipam -maxdepth 1 -type f ! -name '.*' | wc -l)"
echo "links_after $(ip -o link show type veth | wc -l)"
