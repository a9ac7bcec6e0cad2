// What the programs of a pod's packet path and their loader share. Both assert the sizes.
//
// Addresses have 16 bytes, IPv4 ones as ::ffff:a.b.c.d. Ports are in network byte order, all other numbers in the
// machine's.
//
// Two columns: everything that a change of policies changes stands twice, and the last bit of the epoch says which
// column holds. A change fills the other column and then adds one to the epoch, so every packet meets the state before
// it or the state after it, and nothing in between.
#ifndef BAILEY_BPF_ABI_POD_PATH_H
#define BAILEY_BPF_ABI_POD_PATH_H

#include <linux/types.h>

#include "abi/drop_reasons.h"

// Grows when a struct below changes: maps that are pinned by another layout are not taken up.
#define POD_PATH_LAYOUT 1

// Map `epoch`, one row. Never 0.
struct path_epoch {
  __u32 epoch;
};

// Map `settings`, one row.
struct path_settings {
  __u32 uplink;         // index of the device to the other nodes; 0: none
  __u32 flags;          // PATH_*
  __u32 events_a_tick;  // events of each processor in PATH_TICK_NS; what is beyond is counted only
};
#define PATH_ROUTED 1u      // pods are routed, not bridged, and nothing translates between them and the uplink
#define PATH_REDIRECT 2u    // hand packets on without a way through the stack where that is safe
#define PATH_TICK_SHIFT 27  // of ns: 134 ms

// Map `endpoints`: index of the node's end of a pod's link ->
struct path_endpoint_column {
  __u32 policy;
  __u32 flags;  // ENDPOINT_*
};
struct path_endpoint {
  struct path_endpoint_column columns[2];
};
#define ENDPOINT_READY 1u  // without it: pending
#define ENDPOINT_ISOLATED_INGRESS 2u
#define ENDPOINT_ISOLATED_EGRESS 4u

// Map `addresses`: address of a pod of this node -> its link.
struct path_address {
  __u8 bytes[16];
};
struct path_local {
  __u32 link;   // index of the node's end
  __u8 mac[6];  // of the pod's end
  __u8 unused[2];
};

// Map `ipcache`, by longest prefix: address -> identity.
struct path_prefix {
  __u32 bits;
  __u8 address[16];
};
struct path_identity {
  __u32 columns[2];
};
#define IDENTITY_ANY 0u
#define IDENTITY_OWN_NODE 1u

// Map `policies`, by longest prefix: what may pass. An entry of a policy and an identity never changes its meaning, so
// it needs no columns: it stands before anything refers to it.
struct path_policy_key {
  __u32 bits;  // POLICY_KEY_BITS + those of the port
  __u32 policy;
  __u32 identity;  // of the other end
  __u8 direction;  // DIRECTION_*
  __u8 protocol;   // 0: any
  __be16 port;
};
#define POLICY_KEY_BITS 80u
#define DIRECTION_INGRESS 0
#define DIRECTION_EGRESS 1
struct path_rule {
  __u32 policy;  // which NetworkPolicy
  __u32 rule;    // place of the rule in its direction
};

// Map `flows`: a connection. One row for both directions: the end with the lower address and port comes first.
struct path_flow_key {
  __u8 low[16];
  __u8 high[16];
  __be16 low_port;
  __be16 high_port;
  __u8 protocol;
  __u8 unused[3];
};
#define ROLE_ORIGINATOR 0  // judged by its egress policies
#define ROLE_RECEIVER 1    // judged by its ingress policies
struct path_flow {
  __u64 created_ns;  // CLOCK_MONOTONIC, coarse
  __u64 seen_ns;
  __u64 bytes[2];  // by sender: ROLE_*
  __u32 packets[2];
  __u32 epochs[2];         // by ROLE_*: under which it was last judged; 0: never
  struct path_rule by[2];  // by ROLE_*: what let it pass; policy 0: nothing had to
  __u32 flags;             // FLOW_*
  __u32 unused;
};
#define FLOW_ORIGINATOR_LOW 1u
#define FLOW_REPLIED 2u
#define FLOW_FIN_ORIGINATOR 4u
#define FLOW_FIN_RECEIVER 8u
#define FLOW_RESET 16u
#define FLOW_CLOSED 32u  // its end was told

#define FLOW_LIFE_TCP_NS (8000ull * 1000000000ull)  // after both ends have spoken
#define FLOW_LIFE_NS (60ull * 1000000000ull)
#define FLOW_LIFE_CLOSED_NS (10ull * 1000000000ull)

// Map `fragments`: a packet in pieces -> the ports, which only the first piece has.
struct path_fragment_key {
  __u8 source[16];
  __u8 destination[16];
  __u32 id;
  __u8 protocol;
  __u8 unused[3];
};
struct path_ports {
  __be16 source;
  __be16 destination;
};

// Map `drops`, by enum bailey_drop_reason, one of each processor.
struct path_count {
  __u64 packets;
  __u64 bytes;
};

// Map `counts`, by these, one of each processor.
enum path_counter {
  COUNT_TO_POD,           // handed to a pod past the stack
  COUNT_TO_UPLINK,        // handed to the uplink past the stack
  COUNT_FLOWS,            // new connections
  COUNT_FLOWS_UNTRACKED,  // passed by policy, but the table did not take them
  COUNT_EVENTS_LEFT_OUT,  // beyond events_a_tick
  COUNT_EVENTS_LOST,      // the ring was full
  PATH_COUNTERS
};

// The ring `events`.
struct path_event {
  __u64 time_ns;  // CLOCK_MONOTONIC
  __u64 bytes;
  __u64 packets;
  __u8 source[16];  // of the connection: who opened it
  __u8 destination[16];
  __be16 source_port;
  __be16 destination_port;
  __u8 protocol;
  __u8 kind;       // EVENT_*
  __u8 direction;  // DIRECTION_*: at whose end it was judged
  __u8 reason;     // EVENT_DROP: enum bailey_drop_reason; EVENT_OPEN: ALLOWED_*
  struct path_rule by;
  __u32 link;  // index of the judging endpoint's
  __u32 unused;
};
#define EVENT_OPEN 0
#define EVENT_CLOSE 1
#define EVENT_DROP 2
#define ALLOWED_OPEN 0  // no policy isolates the pod in this direction
#define ALLOWED_RULE 1
#define ALLOWED_OWN_NODE 2

#endif
