// What a packet is, as far as its path needs to know: the ends of the connection that it belongs to.
//
// IPv4 options, IPv6 extension headers and pieces of packets are followed; an ICMP error is read down to the packet
// that it is about (RFC 792, RFC 4443).
#ifndef BAILEY_BPF_LIB_PACKET_H
#define BAILEY_BPF_LIB_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/pod_path.h"

#define PROTOCOL_ICMP6 58
#define MAX_EXTENSIONS 6

struct tuple {
  __u8 source[16];
  __u8 destination[16];
  __be16 source_port;
  __be16 destination_port;
  __u8 protocol;
};

struct packet {
  struct tuple ends;
  __u8 v4;
  __u8 ttl;
  __u8 tcp_flags;  // as on the wire: FIN 1, SYN 2, RST 4, ACK 16
  __u8 control;    // neighbour discovery: of the link alone
  __u8 error;      // ICMP error
  __u8 piece;      // 0: whole, 1: first piece, 2: later piece
  __u8 options;    // header with options or extensions: the stack knows them better
  __u32 piece_id;
  __u32 transport;  // offset of the transport header, bytes
  __u32 length;     // bytes without the frame's header
};

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16

enum parsed { PARSED, PARSED_ARP, PARSED_NOT_IP, PARSED_MALFORMED, PARSED_FRAGMENT };

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct path_fragment_key);
  __type(value, struct path_ports);
} fragments SEC(".maps");

static __always_inline void map_v4(__u8* out, __be32 address) {
  __builtin_memset(out, 0, 10);
  out[10] = out[11] = 0xff;
  __builtin_memcpy(out + 12, &address, 4);
}

static __always_inline int is_mapped(const struct in6_addr* address) {
  return address->s6_addr32[0] == 0 && address->s6_addr32[1] == 0 && address->s6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline int is_multicast(const __u8* address) {
  if (address[0] == 0xff) return 1;
  return address[0] == 0 && address[10] == 0xff && (address[12] & 0xf0) == 0xe0;
}

static __always_inline int is_broadcast(const __u8* address) {
  return address[10] == 0xff && *(const __u32*)(address + 12) == 0xffffffff && address[0] == 0;
}

// fe80::/10; of IPv4, 0.0.0.0: who has no address yet.
static __always_inline int is_of_link(const __u8* address) {
  if (address[0] == 0xfe) return (address[1] & 0xc0) == 0x80;
  const __u32* words = (const __u32*)address;
  if (words[0] != 0 || words[1] != 0) return 0;
  return words[3] == 0 && (words[2] == 0 || words[2] == bpf_htonl(0xffff));
}

// Question and answer of one exchange are one connection, from the asker's identifier to the "port" 8.
static __always_inline void note_echo(struct tuple* ends, int v4, const __u8* icmp) {
  __u8 type = icmp[0];
  int asks = type == (v4 ? 8 : 128);
  int answers = type == (v4 ? 0 : 129);
  if (!asks && !answers) return;
  __be16 id;
  __builtin_memcpy(&id, icmp + 4, 2);
  ends->source_port = asks ? id : bpf_htons(8);
  ends->destination_port = asks ? bpf_htons(8) : id;
}

static __always_inline enum parsed parse_icmp(struct __sk_buff* skb, struct packet* p) {
  __u8 head[8];
  if (bpf_skb_load_bytes(skb, p->transport, head, sizeof head) < 0) return PARSED_MALFORMED;
  __u8 type = head[0];
  note_echo(&p->ends, p->v4, head);
  p->error = p->v4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
  // Neighbour and listener discovery (RFC 4861, RFC 3810).
  int neighbours = type >= 133 && type <= 137 && p->ttl == 255;
  int listeners = ((type >= 130 && type <= 132) || type == 143) && p->ttl == 1;
  p->control = !p->v4 && (neighbours || listeners);
  return PARSED;
}

static __always_inline void fragment_key_of(struct path_fragment_key* key, const struct packet* p) {
  __builtin_memset(key, 0, sizeof *key);
  __builtin_memcpy(key->source, p->ends.source, 16);
  __builtin_memcpy(key->destination, p->ends.destination, 16);
  key->id = p->piece_id;
  key->protocol = p->ends.protocol;
}

static __always_inline enum parsed parse_transport(struct __sk_buff* skb, struct packet* p) {
  struct path_fragment_key key;
  if (p->piece == 2) {
    fragment_key_of(&key, p);
    struct path_ports* known = bpf_map_lookup_elem(&fragments, &key);
    if (!known) return PARSED_FRAGMENT;
    p->ends.source_port = known->source;
    p->ends.destination_port = known->destination;
    return PARSED;
  }
  __u8 protocol = p->ends.protocol;
  if (protocol == IPPROTO_ICMP || protocol == PROTOCOL_ICMP6) {
    enum parsed outcome = parse_icmp(skb, p);
    if (outcome != PARSED) return outcome;
  } else if (protocol == IPPROTO_TCP) {
    __u8 head[14];
    if (bpf_skb_load_bytes(skb, p->transport, head, sizeof head) < 0) return PARSED_MALFORMED;
    __builtin_memcpy(&p->ends.source_port, head, 2);
    __builtin_memcpy(&p->ends.destination_port, head + 2, 2);
    p->tcp_flags = head[13];
  } else if (protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || protocol == 136 /* UDP-Lite */) {
    struct path_ports ports;
    if (bpf_skb_load_bytes(skb, p->transport, &ports, sizeof ports) < 0) return PARSED_MALFORMED;
    p->ends.source_port = ports.source;
    p->ends.destination_port = ports.destination;
  }
  if (p->piece == 1) {
    struct path_ports ports = {p->ends.source_port, p->ends.destination_port};
    fragment_key_of(&key, p);
    bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
  }
  return PARSED;
}

static __always_inline enum parsed parse_v4(struct __sk_buff* skb, struct packet* p) {
  struct iphdr ip;
  if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip) < 0) return PARSED_MALFORMED;
  __u32 length = bpf_ntohs(ip.tot_len);
  // Of packets that the sender's card would cut up the length may not fit.
  if (ip.version != 4 || ip.ihl < 5 || (length != 0 && length < ip.ihl * 4u) || length + ETH_HLEN > skb->len)
    return PARSED_MALFORMED;
  p->v4 = 1;
  map_v4(p->ends.source, ip.saddr);
  map_v4(p->ends.destination, ip.daddr);
  p->ends.protocol = ip.protocol;
  p->ttl = ip.ttl;
  p->options = ip.ihl != 5;
  p->transport = ETH_HLEN + ip.ihl * 4u;
  __u16 fragment = bpf_ntohs(ip.frag_off);
  if (fragment & 0x1fff)
    p->piece = 2;
  else if (fragment & 0x2000)
    p->piece = 1;
  p->piece_id = ip.id;
  return parse_transport(skb, p);
}

// Walks the extension headers (RFC 8200 §4) to the transport header.
static __always_inline enum parsed skip_extensions(struct __sk_buff* skb, struct packet* p) {
#pragma unroll
  for (int i = 0; i < MAX_EXTENSIONS; ++i) {
    __u8 kind = p->ends.protocol;
    __u8 head[8];
    if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS && kind != IPPROTO_FRAGMENT &&
        kind != IPPROTO_AH)
      return PARSED;
    if (p->piece == 2) return PARSED;  // what follows is not here
    p->options = 1;
    if (bpf_skb_load_bytes(skb, p->transport, head, sizeof head) < 0) return PARSED_MALFORMED;
    p->ends.protocol = head[0];
    if (kind == IPPROTO_FRAGMENT) {
      __u16 offset = (__u16)(head[2] << 8 | head[3]);
      if (offset & 0xfff8)
        p->piece = 2;
      else if (offset & 1)
        p->piece = 1;
      __builtin_memcpy(&p->piece_id, head + 4, 4);
      p->transport += 8;
    } else if (kind == IPPROTO_AH) {
      p->transport += (head[1] + 2u) * 4u;
    } else {
      p->transport += (head[1] + 1u) * 8u;
    }
  }
  return PARSED_MALFORMED;  // more than any honest sender has
}

static __always_inline enum parsed parse_v6(struct __sk_buff* skb, struct packet* p) {
  struct ipv6hdr ip;
  if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip) < 0) return PARSED_MALFORMED;
  __u32 length = bpf_ntohs(ip.payload_len);
  if (ip.version != 6 || length + sizeof ip + ETH_HLEN > skb->len) return PARSED_MALFORMED;
  // Never on the wire (RFC 4291 §2.5.5.2), and our own form for IPv4.
  if (is_mapped(&ip.saddr) || is_mapped(&ip.daddr)) return PARSED_MALFORMED;
  __builtin_memcpy(p->ends.source, &ip.saddr, 16);
  __builtin_memcpy(p->ends.destination, &ip.daddr, 16);
  p->ends.protocol = ip.nexthdr;
  p->ttl = ip.hop_limit;
  p->transport = ETH_HLEN + sizeof ip;
  enum parsed outcome = skip_extensions(skb, p);
  return outcome == PARSED ? parse_transport(skb, p) : outcome;
}

static __always_inline enum parsed parse(struct __sk_buff* skb, struct packet* p) {
  __builtin_memset(p, 0, sizeof *p);
  p->length = skb->len - ETH_HLEN;
  if (skb->vlan_present) return PARSED_NOT_IP;
  if (skb->protocol == bpf_htons(ETH_P_IP)) return parse_v4(skb, p);
  if (skb->protocol == bpf_htons(ETH_P_IPV6)) return parse_v6(skb, p);
  return skb->protocol == bpf_htons(ETH_P_ARP) ? PARSED_ARP : PARSED_NOT_IP;
}

// The ends of the packet that an ICMP error is about. 0: they cannot be read.
static __always_inline int parse_subject(struct __sk_buff* skb, const struct packet* p, struct tuple* out) {
  __u32 offset = p->transport + 8;
  __builtin_memset(out, 0, sizeof *out);
  if (p->v4) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip) < 0 || ip.version != 4) return 0;
    if (bpf_ntohs(ip.frag_off) & 0x1fff) return 0;
    map_v4(out->source, ip.saddr);
    map_v4(out->destination, ip.daddr);
    out->protocol = ip.protocol;
    offset += ip.ihl * 4u;
  } else {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip) < 0 || ip.version != 6) return 0;
    __builtin_memcpy(out->source, &ip.saddr, 16);
    __builtin_memcpy(out->destination, &ip.daddr, 16);
    out->protocol = ip.nexthdr;
    offset += sizeof ip;
  }
  __u8 head[8];
  if (bpf_skb_load_bytes(skb, offset, head, sizeof head) < 0) return 0;
  if (out->protocol == IPPROTO_ICMP || out->protocol == PROTOCOL_ICMP6) {
    note_echo(out, p->v4, head);
    return 1;
  }
  __builtin_memcpy(&out->source_port, head, 2);
  __builtin_memcpy(&out->destination_port, head + 2, 2);
  return 1;
}

#endif
