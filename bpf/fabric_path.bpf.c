// The fabric's fast path: what the routing tables deliver to another interface goes there at once.
//
// Attached where a packet enters the fabric. It says what the fabric's rules and tables would say for a packet that
// needs nothing but a route, and hands it to the owner of the other interface without a way through the stack, the
// rules or a second queue. Everything else passes on to the rules unchanged: foreign sources, no route, the Internet,
// an unknown neighbour, a life that ends here, a smaller MTU. So drops are counted in one place, and without this
// program the fabric is slower, not different.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/fabric_path.h"

_Static_assert(sizeof(struct fast_device) == 4, "layout");
_Static_assert(sizeof(struct fast_source_key) == 24, "layout");
_Static_assert(sizeof(struct fast_source) == 8, "layout");

#define AF_INET 2
#define AF_INET6 10

// linux/bpf.h of 6.1 does not have these two: the program after this one decides; look into the table of `tbid`,
// which lies over h_vlan_proto and h_vlan_TCI (6.5).
enum { TO_THE_RULES = -1, FIB_LOOKUP_TBID = 1 << 3 };

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, struct fast_device);
} devices SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 1048576);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fast_source_key);
  __type(value, struct fast_source);
} sources SEC(".maps");

// Packets that went the fast way.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} taken SEC(".maps");

// Addresses that are never routed: this network, loopback, multicast and above.
static __always_inline int routable4(__be32 address) {
  __u8 first = bpf_ntohl(address) >> 24;
  return first != 0 && first != 127 && first < 224;
}

// The unspecified address and loopback (::/96 holds both), link-local, multicast.
static __always_inline int routable6(const struct in6_addr* address) {
  if ((address->s6_addr32[0] | address->s6_addr32[1] | address->s6_addr32[2]) == 0) return 0;
  if (address->s6_addr[0] == 0xff) return 0;
  return !(address->s6_addr[0] == 0xfe && (address->s6_addr[1] & 0xc0) == 0x80);
}

static __always_inline void from_ip4(struct bpf_fib_lookup* question, const struct iphdr* ip) {
  question->family = AF_INET;
  question->tos = ip->tos;
  question->ipv4_src = ip->saddr;
  question->ipv4_dst = ip->daddr;
}

static __always_inline void from_ip6(struct bpf_fib_lookup* question, const struct ipv6hdr* ip) {
  question->family = AF_INET6;
  question->flowinfo = *(const __be32*)ip & bpf_htonl(0x0fffffff);
  __builtin_memcpy(question->ipv6_src, &ip->saddr, 16);
  __builtin_memcpy(question->ipv6_dst, &ip->daddr, 16);
}

// As ip_decrease_ttl does: RFC 1624, one less in the upper byte is 0x0100 more in the sum.
static __always_inline void one_hop_less(struct iphdr* ip) {
  __u32 sum = ip->check;
  sum += bpf_htons(0x0100);
  ip->check = (__u16)(sum + (sum >= 0xffff));
  ip->ttl--;
}

// The index of the device to which the routing tables lead; 0: they do not, or need the rules for it. On success
// `question` has the addresses of the frame.
static __always_inline __u32 device_of_route(struct __sk_buff* skb, struct bpf_fib_lookup* question,
                                             const struct fast_source* source) {
  int answer = BPF_FIB_LKUP_RET_NOT_FWDED;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if (answer != BPF_FIB_LKUP_RET_NOT_FWDED || source->tables[i] == 0) break;
    question->ifindex = skb->ifindex;
    *(__u32*)&question->h_vlan_proto = source->tables[i];
    answer = bpf_fib_lookup(skb, question, sizeof *question, BPF_FIB_LOOKUP_DIRECT | FIB_LOOKUP_TBID);
  }
  return answer == BPF_FIB_LKUP_RET_SUCCESS && question->ifindex != skb->ifindex ? question->ifindex : 0;
}

static __always_inline void count_one(void) {
  __u32 zero = 0;
  __u64* count = bpf_map_lookup_elem(&taken, &zero);
  if (count) ++*count;
}

SEC("tc")
int fabric_path(struct __sk_buff* skb) {
  void* end = (void*)(long)skb->data_end;
  struct ethhdr* ethernet = (void*)(long)skb->data;
  struct iphdr* ip4 = (void*)(ethernet + 1);
  struct ipv6hdr* ip6 = (void*)(ethernet + 1);
  struct fast_source_key from = {.prefix_bits = 32 + 128};
  struct bpf_fib_lookup question = {};
  __u32 index = skb->ifindex;

  if (skb->pkt_type != PACKET_HOST || skb->vlan_present) return TO_THE_RULES;
  if ((void*)(ip4 + 1) > end) return TO_THE_RULES;
  int v4 = ethernet->h_proto == bpf_htons(ETH_P_IP);
  if (v4) {
    if (ip4->version != 4 || ip4->ihl != 5 || ip4->ttl <= 1) return TO_THE_RULES;
    if (!routable4(ip4->saddr) || !routable4(ip4->daddr)) return TO_THE_RULES;
    from.port = index << 1;
    from.address[10] = from.address[11] = 0xff;
    __builtin_memcpy(&from.address[12], &ip4->saddr, 4);
    from_ip4(&question, ip4);
  } else {
    if (ethernet->h_proto != bpf_htons(ETH_P_IPV6) || (void*)(ip6 + 1) > end) return TO_THE_RULES;
    // Hop-by-hop options are for every node on the way to see.
    if (ip6->version != 6 || ip6->hop_limit <= 1 || ip6->nexthdr == IPPROTO_HOPOPTS) return TO_THE_RULES;
    if (!routable6(&ip6->saddr) || !routable6(&ip6->daddr)) return TO_THE_RULES;
    from.port = index << 1 | 1;
    __builtin_memcpy(from.address, &ip6->saddr, 16);
    from_ip6(&question, ip6);
  }

  struct fast_device* in = bpf_map_lookup_elem(&devices, &index);
  struct fast_source* source = bpf_map_lookup_elem(&sources, &from);
  if (!in || !source) return TO_THE_RULES;
  __u32 out_index = device_of_route(skb, &question, source);
  struct fast_device* out = out_index ? bpf_map_lookup_elem(&devices, &out_index) : 0;
  if (!out || out->mtu < in->mtu) return TO_THE_RULES;

  if (v4)
    one_hop_less(ip4);
  else
    ip6->hop_limit--;
  __builtin_memcpy(ethernet->h_dest, question.dmac, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, question.smac, ETH_ALEN);
  count_one();
  return bpf_redirect_peer(out_index, 0);
}

// The kernel gives its helpers to programs under the GPL only: this folder may be used under MIT or GPL-2.0 too.
char licence[] SEC("license") = "Dual MIT/GPL";
