#!/usr/bin/env bash
# What a test run must not change on the machine: interfaces, addresses, routes, rules, permanent neighbours, packet
# filter, mounts. Lifetimes and cached entries move by themselves and are left out.
set -u
PATH=$PATH:/usr/sbin:/sbin
{
  ip -d link
  ip address
  ip route show table all
  ip -6 route show table all
  ip rule
  ip -6 rule
  ip neighbour show nud permanent
  nft list ruleset
  cat /proc/self/mountinfo
} 2>&1 | grep -v -e valid_lft -e expires
