// Why the packet path of a pod drops a packet. One row a reason: its name in C, its name for people, what it means.
// Counters, events, metrics and documents are all made from these rows.
#ifndef BAILEY_BPF_ABI_DROP_REASONS_H
#define BAILEY_BPF_ABI_DROP_REASONS_H

#define BAILEY_DROP_REASONS(row)                                                                                    \
  row(DROP_POLICY_EGRESS, "policy-egress", "a policy isolates the sender, and no rule lets it pass")                \
      row(DROP_POLICY_INGRESS, "policy-ingress", "a policy isolates the receiver, and no rule lets it pass")        \
          row(DROP_PENDING, "pending", "the policies of the pod are not in place yet")                              \
              row(DROP_SPOOFED, "spoofed-source", "the pod sent from an address that is not its own")               \
                  row(DROP_MALFORMED, "malformed", "a header is cut short or says what cannot be") row(             \
                      DROP_FRAGMENT, "fragment-unknown", "a later fragment without the first, which has the ports") \
                      row(DROP_MULTICAST, "multicast", "an isolated pod at one end, and a group at the other")      \
                          row(DROP_NOT_IP, "not-ip", "a frame that is neither IP nor address resolution")

enum bailey_drop_reason {
#define BAILEY_ROW(name, text, meaning) name,
  BAILEY_DROP_REASONS(BAILEY_ROW)
#undef BAILEY_ROW
      DROP_REASONS  // how many
};

#endif
