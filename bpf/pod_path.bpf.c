// The packet path of pods: policy, connections, and the short way to the other end.
//
//   pod A ──▶ from_pod ──▶ egress of A ─▶ a pod of this node? ingress of B ─▶ redirect to B
//                                      └▶ elsewhere ─▶ redirect to the uplink, or the stack
//   uplink ─▶ from_uplink ─▶ a pod of this node? ingress of B ─▶ redirect to B, or the stack
//   stack ──▶ to_pod ──▶ ingress of B ──▶ pod B
//
// A connection is judged with its first packet and again when the epoch has changed; what is stored with it lets all
// others pass, both ways. What the short way cannot do as well as the stack (a life that ends, options, an unknown
// neighbour) goes through the stack, and a pod's end is guarded by to_pod then.
#include "lib/flow.h"
#include "lib/packet.h"

// Not in linux/bpf.h of 6.1: the next program decides, or the stack.
enum { TO_THE_STACK = -1 };

#define AF_INET 2
#define AF_INET6 10

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, struct path_address);
  __type(value, struct path_local);
} addresses SEC(".maps");

static __always_inline struct path_local* local_of(const __u8* address) {
  struct path_address key;
  __builtin_memcpy(key.bytes, address, 16);
  return bpf_map_lookup_elem(&addresses, &key);
}

static __always_inline struct workspace* own_workspace(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&workspaces, &zero);
}

static __always_inline int drop(struct workspace* w, enum bailey_drop_reason reason, __u8 direction, __u32 link) {
  const struct packet* p = &w->packet;
  count_drop(reason, p->length);
  tell(w, &p->ends, EVENT_DROP, direction, (__u8)reason, link, 0, p->length, 1);
  return TC_ACT_SHOT;
}

// What could not be read; PARSED_ARP passes.
static __always_inline int unreadable(struct workspace* w, enum parsed outcome, __u8 direction, __u32 link) {
  if (outcome == PARSED_ARP) return TO_THE_STACK;
  enum bailey_drop_reason reason = outcome == PARSED_NOT_IP     ? DROP_NOT_IP
                                   : outcome == PARSED_FRAGMENT ? DROP_FRAGMENT
                                                                : DROP_MALFORMED;
  return drop(w, reason, direction, link);
}

// The frame's addresses and one hop less. Of IPv4 as ip_decrease_ttl does it: RFC 1624, one less in the upper byte is
// 0x0100 more in the sum.
static __always_inline int rewrite(struct __sk_buff* skb, const struct packet* p, const __u8* to, const __u8* from,
                                   int hop) {
  if (bpf_skb_pull_data(skb, ETH_HLEN + (p->v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr))) < 0) return -1;
  void* end = (void*)(long)skb->data_end;
  struct ethhdr* ethernet = (void*)(long)skb->data;
  struct iphdr* ip4 = (void*)(ethernet + 1);
  struct ipv6hdr* ip6 = (void*)(ethernet + 1);
  if ((void*)(ip4 + 1) > end) return -1;
  __builtin_memcpy(ethernet->h_dest, to, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, from, ETH_ALEN);
  if (!hop) return 0;
  if (p->v4) {
    __u32 sum = ip4->check;
    sum += bpf_htons(0x0100);
    ip4->check = (__u16)(sum + (sum >= 0xffff));
    ip4->ttl--;
    return 0;
  }
  if ((void*)(ip6 + 1) > end) return -1;
  ip6->hop_limit--;
  return 0;
}

// Every node's end of a pod's link has this address; the pod knows no other router (cni/sys/wiring.h).
static const __u8 node_mac[ETH_ALEN] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};

static __always_inline int redirect_to_pod(struct __sk_buff* skb, const struct packet* p, const struct path_local* to,
                                           const struct path_settings* set) {
  int routed = set->flags & PATH_ROUTED;
  if (!(set->flags & PATH_REDIRECT) || p->ttl <= 1 || p->options) return TO_THE_STACK;
  // Bridged frames have the pod's address already, and keep their sender's.
  if (routed && rewrite(skb, p, to->mac, node_mac, 1) < 0) return TO_THE_STACK;
  if (skb->pkt_type != PACKET_HOST) {
    if (routed || skb->pkt_type != PACKET_OTHERHOST) return TO_THE_STACK;
    bpf_skb_change_type(skb, PACKET_HOST);
  }
  count(COUNT_TO_POD);
  return (int)bpf_redirect_peer(to->link, 0);
}

static __always_inline int redirect_to_uplink(struct __sk_buff* skb, const struct packet* p,
                                              const struct path_settings* set) {
  __u32 wanted = PATH_ROUTED | PATH_REDIRECT;
  if ((set->flags & wanted) != wanted || set->uplink == 0 || p->ttl <= 1 || p->options || skb->pkt_type != PACKET_HOST)
    return TO_THE_STACK;
  struct bpf_fib_lookup route = {.family = p->v4 ? AF_INET : AF_INET6, .ifindex = skb->ifindex};
  if (p->v4) {
    __builtin_memcpy(&route.ipv4_src, p->ends.source + 12, 4);
    __builtin_memcpy(&route.ipv4_dst, p->ends.destination + 12, 4);
  } else {
    __builtin_memcpy(route.ipv6_src, p->ends.source, 16);
    __builtin_memcpy(route.ipv6_dst, p->ends.destination, 16);
  }
  if (bpf_fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS || route.ifindex != set->uplink)
    return TO_THE_STACK;
  if (rewrite(skb, p, route.dmac, route.smac, 1) < 0) return TO_THE_STACK;
  count(COUNT_TO_UPLINK);
  return (int)bpf_redirect(route.ifindex, 0);
}

// Judges the receiving end. 0: it may pass.
static __always_inline int enter_pod(struct __sk_buff* skb, struct workspace* w, __u32 link, __u32 epoch, int counted) {
  const struct packet* p = &w->packet;
  struct path_endpoint* endpoint = bpf_map_lookup_elem(&endpoints, &link);
  if (!endpoint) return drop(w, DROP_PENDING, DIRECTION_INGRESS, link);
  struct path_endpoint_column column = endpoint->columns[epoch & 1];
  if (!(column.flags & ENDPOINT_READY)) return drop(w, DROP_PENDING, DIRECTION_INGRESS, link);
  if (p->control) return TC_ACT_OK;
  if (is_multicast(p->ends.destination) || is_broadcast(p->ends.destination)) {
    if (!(column.flags & ENDPOINT_ISOLATED_INGRESS)) return TC_ACT_OK;
    return drop(w, DROP_MULTICAST, DIRECTION_INGRESS, link);
  }
  if (!pass(skb, w, &column, link, epoch, DIRECTION_INGRESS, counted))
    return drop(w, DROP_POLICY_INGRESS, DIRECTION_INGRESS, link);
  return TC_ACT_OK;
}

static __always_inline __u32 current_epoch(void) {
  __u32 zero = 0;
  struct path_epoch* now = bpf_map_lookup_elem(&epoch, &zero);
  return now ? now->epoch : 0;
}

SEC("tc")
int from_pod(struct __sk_buff* skb) {
  struct workspace* w = own_workspace();
  __u32 zero = 0;
  __u32 link = skb->ifindex;
  __u32 now = current_epoch();
  struct path_settings* set = bpf_map_lookup_elem(&settings, &zero);
  struct path_endpoint* endpoint = bpf_map_lookup_elem(&endpoints, &link);
  if (!w) return TC_ACT_SHOT;
  struct packet* p = &w->packet;
  enum parsed outcome = parse(skb, p);
  if (!set || !endpoint) return drop(w, DROP_PENDING, DIRECTION_EGRESS, link);
  struct path_endpoint_column column = endpoint->columns[now & 1];
  if (!(column.flags & ENDPOINT_READY)) return drop(w, DROP_PENDING, DIRECTION_EGRESS, link);
  if (outcome != PARSED) return unreadable(w, outcome, DIRECTION_EGRESS, link);
  if (p->control) return TO_THE_STACK;
  if (!is_of_link(p->ends.source)) {
    struct path_local* own = local_of(p->ends.source);
    if (!own || own->link != link) return drop(w, DROP_SPOOFED, DIRECTION_EGRESS, link);
  }
  if (is_multicast(p->ends.destination) || is_broadcast(p->ends.destination)) {
    if (!(column.flags & ENDPOINT_ISOLATED_EGRESS)) return TO_THE_STACK;
    return drop(w, DROP_MULTICAST, DIRECTION_EGRESS, link);
  }
  if (!pass(skb, w, &column, link, now, DIRECTION_EGRESS, 1))
    return drop(w, DROP_POLICY_EGRESS, DIRECTION_EGRESS, link);

  struct path_local* to = local_of(p->ends.destination);
  if (!to) return redirect_to_uplink(skb, p, set);
  if (to->link == link) return TO_THE_STACK;
  if (enter_pod(skb, w, to->link, now, 0) != TC_ACT_OK) return TC_ACT_SHOT;
  return redirect_to_pod(skb, p, to, set);
}

SEC("tc")
int from_uplink(struct __sk_buff* skb) {
  struct workspace* w = own_workspace();
  __u32 zero = 0;
  struct path_settings* set = bpf_map_lookup_elem(&settings, &zero);
  // Where the node translates, only the stack knows whose packet this is; to_pod is at the pod's end.
  if (!w || !set || !(set->flags & PATH_ROUTED)) return TO_THE_STACK;
  struct packet* p = &w->packet;
  if (parse(skb, p) != PARSED || p->control) return TO_THE_STACK;
  struct path_local* to = local_of(p->ends.destination);
  if (!to) return TO_THE_STACK;
  if (enter_pod(skb, w, to->link, current_epoch(), 1) != TC_ACT_OK) return TC_ACT_SHOT;
  return redirect_to_pod(skb, p, to, set);
}

SEC("tc")
int to_pod(struct __sk_buff* skb) {
  struct workspace* w = own_workspace();
  __u32 link = skb->ifindex;
  if (!w) return TC_ACT_SHOT;
  struct packet* p = &w->packet;
  enum parsed outcome = parse(skb, p);
  if (outcome != PARSED) return unreadable(w, outcome, DIRECTION_INGRESS, link);
  __u32 zero = 0;
  struct path_settings* set = bpf_map_lookup_elem(&settings, &zero);
  // What a pod of this node or the uplink sent on through the stack was counted there.
  int of_uplink = set && set->uplink && set->flags & PATH_ROUTED && skb->ingress_ifindex == set->uplink;
  int counted = !of_uplink && local_of(p->ends.source) == 0;
  int outcome_of_pod = enter_pod(skb, w, link, current_epoch(), counted);
  return outcome_of_pod == TC_ACT_OK ? TO_THE_STACK : outcome_of_pod;
}

// The kernel gives its helpers to programs under the GPL only: this folder may be used under MIT or GPL-2.0 too.
char licence[] SEC("license") = "Dual MIT/GPL";
