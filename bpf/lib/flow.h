// Connections: who opened one, whether both ends' policies let it pass, and what is told of it.
//
// Policies judge connections, not packets: what the originator may send, the receiver may answer. So a packet is
// either of the originator or an answer, and its pod either the one role or the other; the pod's policies of that
// role decide, for the port of the receiver.
#ifndef BAILEY_BPF_LIB_FLOW_H
#define BAILEY_BPF_LIB_FLOW_H

#include <linux/pkt_cls.h>

#include "lib/packet.h"

#define NUMBERED_MAP(name, kind, rows, value_type) \
  struct {                                         \
    __uint(type, kind);                            \
    __uint(max_entries, rows);                     \
    __type(key, __u32);                            \
    __type(value, value_type);                     \
  } name SEC(".maps")

NUMBERED_MAP(settings, BPF_MAP_TYPE_ARRAY, 1, struct path_settings);
NUMBERED_MAP(epoch, BPF_MAP_TYPE_ARRAY, 1, struct path_epoch);
NUMBERED_MAP(endpoints, BPF_MAP_TYPE_HASH, 4096, struct path_endpoint);
NUMBERED_MAP(drops, BPF_MAP_TYPE_PERCPU_ARRAY, DROP_REASONS, struct path_count);
NUMBERED_MAP(counts, BPF_MAP_TYPE_PERCPU_ARRAY, PATH_COUNTERS, __u64);

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 1048576);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct path_prefix);
  __type(value, struct path_identity);
} ipcache SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 4194304);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct path_policy_key);
  __type(value, struct path_rule);
} policies SEC(".maps");

// The loader sets the size.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, struct path_flow_key);
  __type(value, struct path_flow);
} flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 524288);
} events SEC(".maps");

// How many events this processor has told in this tick.
struct event_budget {
  __u64 tick;
  __u32 told;
};
NUMBERED_MAP(budgets, BPF_MAP_TYPE_PERCPU_ARRAY, 1, struct event_budget);

// What does not fit on the stack. Programs of one processor follow each other, they never interrupt each other.
struct workspace {
  struct packet packet;
  struct tuple ends;
  struct path_flow_key key;
  struct path_flow fresh;
  struct path_event event;
};
NUMBERED_MAP(workspaces, BPF_MAP_TYPE_PERCPU_ARRAY, 1, struct workspace);

struct judgement {
  struct path_rule by;
  __u32 allowed;
  __u32 reason;  // ALLOWED_*
};

static __always_inline void count(enum path_counter which) {
  __u32 key = which;
  __u64* counter = bpf_map_lookup_elem(&counts, &key);
  if (counter) ++*counter;
}

static __always_inline void count_drop(enum bailey_drop_reason reason, __u32 bytes) {
  __u32 key = reason;
  struct path_count* counter = bpf_map_lookup_elem(&drops, &key);
  if (!counter) return;
  ++counter->packets;
  counter->bytes += bytes;
}

static __always_inline int within_budget(__u64 now) {
  __u32 zero = 0;
  struct event_budget* budget = bpf_map_lookup_elem(&budgets, &zero);
  struct path_settings* set = bpf_map_lookup_elem(&settings, &zero);
  if (!budget || !set) return 0;
  if (budget->tick != now >> PATH_TICK_SHIFT) {
    budget->tick = now >> PATH_TICK_SHIFT;
    budget->told = 0;
  }
  if (budget->told >= set->events_a_tick) return 0;
  ++budget->told;
  return 1;
}

// The reader looks at its own pace: to wake it with each event would cost more than the packet.
static __noinline int send_event(const struct path_event* event) {
  if (!event) return 0;
  if (!within_budget(event->time_ns)) {
    count(COUNT_EVENTS_LEFT_OUT);
    return 0;
  }
  if (bpf_ringbuf_output(&events, (void*)event, sizeof *event, BPF_RB_NO_WAKEUP) < 0) count(COUNT_EVENTS_LOST);
  return 0;
}

static __always_inline void tell(struct workspace* w, const struct tuple* opened, __u8 kind, __u8 direction,
                                 __u8 reason, __u32 link, const struct path_rule* by, __u64 bytes, __u64 packets) {
  struct path_event* event = &w->event;
  event->time_ns = bpf_ktime_get_coarse_ns();
  event->bytes = bytes;
  event->packets = packets;
  __builtin_memcpy(event->source, opened->source, 16);
  __builtin_memcpy(event->destination, opened->destination, 16);
  event->source_port = opened->source_port;
  event->destination_port = opened->destination_port;
  event->protocol = opened->protocol;
  event->kind = kind;
  event->direction = direction;
  event->reason = reason;
  event->by.policy = by ? by->policy : 0;
  event->by.rule = by ? by->rule : 0;
  event->link = link;
  event->unused = 0;
  send_event(event);
}

static __always_inline __u32 identity_of(const __u8* address, __u32 epoch) {
  struct path_prefix key = {.bits = 128};
  __builtin_memcpy(key.address, address, 16);
  struct path_identity* found = bpf_map_lookup_elem(&ipcache, &key);
  return found ? found->columns[epoch & 1] : IDENTITY_ANY;
}

// Whether an isolated endpoint's policies let a connection pass. Four questions, from the narrowest to the widest.
static __always_inline void ask_policies(struct judgement* out, __u32 policy, __u8 direction, __u32 identity,
                                         __u8 protocol, __be16 port) {
  struct path_policy_key key = {.policy = policy, .direction = direction};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    key.bits = POLICY_KEY_BITS + 16;
    key.identity = i < 2 ? identity : IDENTITY_ANY;
    key.protocol = i & 1 ? 0 : protocol;
    key.port = port;
    struct path_rule* rule = bpf_map_lookup_elem(&policies, &key);
    if (!rule) continue;
    out->by = *rule;
    out->allowed = 1;
    out->reason = ALLOWED_RULE;
    return;
  }
}

static __always_inline struct judgement judge(const struct path_endpoint_column* endpoint, __u32 epoch, __u8 direction,
                                              const __u8* other, __u8 protocol, __be16 port) {
  struct judgement out = {};
  __u32 isolated = direction == DIRECTION_INGRESS ? ENDPOINT_ISOLATED_INGRESS : ENDPOINT_ISOLATED_EGRESS;
  if (!(endpoint->flags & isolated)) {
    out.allowed = 1;
    out.reason = ALLOWED_OPEN;
    return out;
  }
  __u32 identity = identity_of(other, epoch);
  if (identity == IDENTITY_OWN_NODE) {
    out.allowed = 1;
    out.reason = ALLOWED_OWN_NODE;
    return out;
  }
  // Rules have no ports of ICMP, so only those that hold for every protocol can speak of it.
  if (protocol == IPPROTO_ICMP || protocol == PROTOCOL_ICMP6) port = 0;
  ask_policies(&out, endpoint->policy, direction, identity, protocol, port);
  return out;
}

static __always_inline int is_lower(const struct tuple* t) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    __u64 left, right;
    __builtin_memcpy(&left, t->source + i * 8, 8);
    __builtin_memcpy(&right, t->destination + i * 8, 8);
    if (left != right) return left < right;
  }
  return t->source_port <= t->destination_port;
}

// Any order will do, as long as both directions agree.
static __always_inline int key_of(struct path_flow_key* key, const struct tuple* t) {
  int low = is_lower(t);
  __builtin_memset(key, 0, sizeof *key);
  __builtin_memcpy(key->low, low ? t->source : t->destination, 16);
  __builtin_memcpy(key->high, low ? t->destination : t->source, 16);
  key->low_port = low ? t->source_port : t->destination_port;
  key->high_port = low ? t->destination_port : t->source_port;
  key->protocol = t->protocol;
  return low;
}

static __always_inline int is_over(const struct path_flow* flow, __u8 protocol, __u64 now) {
  __u64 life = FLOW_LIFE_NS;
  if (flow->flags & (FLOW_RESET | FLOW_CLOSED))
    life = FLOW_LIFE_CLOSED_NS;
  else if (protocol == IPPROTO_TCP && flow->flags & FLOW_REPLIED)
    life = FLOW_LIFE_TCP_NS;
  return now - flow->seen_ns > life;
}

static __always_inline void note_end(struct workspace* w, struct path_flow* flow, const struct tuple* opened,
                                     __u8 tcp_flags, int original, __u8 direction, __u32 link) {
  if (tcp_flags & TCP_RST) flow->flags |= FLOW_RESET;
  if (tcp_flags & TCP_FIN) flow->flags |= original ? FLOW_FIN_ORIGINATOR : FLOW_FIN_RECEIVER;
  __u32 both = FLOW_FIN_ORIGINATOR | FLOW_FIN_RECEIVER;
  if ((flow->flags & FLOW_CLOSED) || !((flow->flags & FLOW_RESET) || (flow->flags & both) == both)) return;
  flow->flags |= FLOW_CLOSED;
  const struct path_rule* by = &flow->by[direction == DIRECTION_INGRESS ? ROLE_RECEIVER : ROLE_ORIGINATOR];
  tell(w, opened, EVENT_CLOSE, direction, 0, link, by, flow->bytes[0] + flow->bytes[1],
       (__u64)flow->packets[0] + flow->packets[1]);
}

static __always_inline void turn_round(struct tuple* t) {
  struct tuple was = *t;
  __builtin_memcpy(t->source, was.destination, 16);
  __builtin_memcpy(t->destination, was.source, 16);
  t->source_port = was.destination_port;
  t->destination_port = was.source_port;
}

// A new row for who sends the packet, judged in the originator's or the receiver's role. 0: it may not pass.
static __always_inline int open_flow(struct workspace* w, int low, const struct path_endpoint_column* endpoint,
                                     __u32 link, __u32 epoch, __u8 direction, int counted, __u64 now) {
  const struct packet* p = &w->packet;
  int role = direction == DIRECTION_EGRESS ? ROLE_ORIGINATOR : ROLE_RECEIVER;
  const __u8* other = role == ROLE_ORIGINATOR ? p->ends.destination : p->ends.source;
  struct judgement judged = judge(endpoint, epoch, direction, other, p->ends.protocol, p->ends.destination_port);
  if (!judged.allowed) return 0;
  struct path_flow* fresh = &w->fresh;
  __builtin_memset(fresh, 0, sizeof *fresh);
  fresh->created_ns = fresh->seen_ns = now;
  if (low) fresh->flags = FLOW_ORIGINATOR_LOW;
  if (p->tcp_flags & TCP_RST) fresh->flags |= FLOW_RESET | FLOW_CLOSED;
  fresh->epochs[role] = epoch;
  fresh->by[role] = judged.by;
  fresh->bytes[ROLE_ORIGINATOR] = counted ? p->length : 0;
  fresh->packets[ROLE_ORIGINATOR] = counted ? 1 : 0;
  count(bpf_map_update_elem(&flows, &w->key, fresh, BPF_ANY) == 0 ? COUNT_FLOWS : COUNT_FLOWS_UNTRACKED);
  tell(w, &p->ends, EVENT_OPEN, direction, (__u8)judged.reason, link, &judged.by, p->length, 1);
  return 1;
}

static __always_inline int same_address(const __u8* a, const __u8* b) {
  const __u32* left = (const __u32*)a;
  const __u32* right = (const __u32*)b;
  return left[0] == right[0] && left[1] == right[1] && left[2] == right[2] && left[3] == right[3];
}

// The connection that an ICMP error speaks of stands for it: to a pod it comes for what the pod has sent, from a pod
// for what the pod has got. `out` is the connection as if the error were an answer.
static __always_inline int subject_of(struct __sk_buff* skb, const struct packet* p, __u8 direction,
                                      struct tuple* out) {
  if (!p->error || p->piece || !parse_subject(skb, p, out)) return 0;
  turn_round(out);
  return direction == DIRECTION_EGRESS ? same_address(out->source, p->ends.source)
                                       : same_address(out->destination, p->ends.destination);
}

// The packet's connection, if it is known and goes on. w->ends, w->key and *low say which one is meant; *related: the
// packet is an error about it.
static __always_inline struct path_flow* find_flow(struct __sk_buff* skb, struct workspace* w, __u8 direction,
                                                   __u64 now, int* low, int* related) {
  const struct packet* p = &w->packet;
  *related = subject_of(skb, p, direction, &w->ends);
  if (*related) {
    *low = key_of(&w->key, &w->ends);
    struct path_flow* subject = bpf_map_lookup_elem(&flows, &w->key);
    if (subject && !is_over(subject, w->ends.protocol, now)) return subject;
    *related = 0;  // judged by itself
  }
  w->ends = p->ends;
  *low = key_of(&w->key, &w->ends);
  struct path_flow* flow = bpf_map_lookup_elem(&flows, &w->key);
  if (!flow || is_over(flow, w->ends.protocol, now)) return 0;
  int original = *low == !!(flow->flags & FLOW_ORIGINATOR_LOW);
  // A first packet of TCP opens a connection whoever had these ports before.
  int opens = (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  if (opens && (!original || flow->flags & FLOW_CLOSED)) return 0;
  // What was never let in has no answer: this is a connection of the pod's own.
  if (!original && direction == DIRECTION_EGRESS && flow->epochs[ROLE_RECEIVER] == 0) return 0;
  return flow;
}

// Whether w->packet may leave (egress) or enter (ingress) the pod of `endpoint`. `counted`: its bytes belong to the
// connection's; 0 where another end of this node has counted them.
static __always_inline int pass(struct __sk_buff* skb, struct workspace* w, const struct path_endpoint_column* endpoint,
                                __u32 link, __u32 epoch, __u8 direction, int counted) {
  const struct packet* p = &w->packet;
  __u64 now = bpf_ktime_get_coarse_ns();
  int low, related;
  struct path_flow* flow = find_flow(skb, w, direction, now, &low, &related);
  if (!flow) return open_flow(w, low, endpoint, link, epoch, direction, counted, now);

  int original = low == !!(flow->flags & FLOW_ORIGINATOR_LOW);
  int role = original == (direction == DIRECTION_EGRESS) ? ROLE_ORIGINATOR : ROLE_RECEIVER;
  struct tuple* ends = &w->ends;
  if (!original) turn_round(ends);
  if (flow->epochs[role & 1] != epoch) {
    __u8 as = role == ROLE_ORIGINATOR ? DIRECTION_EGRESS : DIRECTION_INGRESS;
    const __u8* other = role == ROLE_ORIGINATOR ? ends->destination : ends->source;
    struct judgement judged = judge(endpoint, epoch, as, other, ends->protocol, ends->destination_port);
    if (!judged.allowed) return 0;
    if (flow->epochs[role & 1] == 0) tell(w, ends, EVENT_OPEN, as, (__u8)judged.reason, link, &judged.by, p->length, 1);
    flow->epochs[role & 1] = epoch;
    flow->by[role & 1] = judged.by;
  }
  if (related) return 1;
  flow->seen_ns = now;
  if (!original) flow->flags |= FLOW_REPLIED;
  if (counted) {
    int sender = original ? ROLE_ORIGINATOR : ROLE_RECEIVER;
    flow->bytes[sender & 1] += p->length;
    flow->packets[sender & 1] += 1;
  }
  if (p->tcp_flags & (TCP_FIN | TCP_RST)) note_end(w, flow, ends, p->tcp_flags, original, direction, link);
  return 1;
}

#endif
