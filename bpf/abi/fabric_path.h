// What the program of the fabric's fast path and its loader share. Both assert its sizes.
//
// Addresses have 16 bytes, IPv4 ones as ::ffff:a.b.c.d. All other numbers are in the byte order of the machine.
#ifndef BAILEY_BPF_ABI_FABRIC_PATH_H
#define BAILEY_BPF_ABI_FABRIC_PATH_H

#include <linux/types.h>

// Map `devices`: index of a device -> its MTU in bytes. Packets may enter and leave by these devices only.
struct fast_device {
  __u32 mtu;
};

// Map `sources`, by longest prefix: where packets that enter by a device with a source like this are looked up.
struct fast_source_key {
  __u32 prefix_bits;  // of what follows: 32 + the bits of the address
  __u32 port;         // the index of the device * 2, + 1 for IPv6: ::/0 must not hold IPv4 addresses
  __u8 address[16];
};
struct fast_source {
  __u32 tables[2];  // routing tables in this order; the second is asked where the first has no answer. 0: none
};

#endif
