// baileyd's configuration file. Pure.
//
//   node: worker-1                       default: the host's name
//   source: {files: [/etc/bailey/manifests]}   or {socket: true}: objects come over the socket
//   networkModel: vnet                   vnet (pods are routed) or kubenet (pods are on a bridge)
//   uplink: eth0                         default: the device of the default route
//   socket: /run/bailey/agent/agent.sock
//   ipamDir: /run/bailey/ipam            the leases of bailey-cni, by which pods are found again after a restart
//   pins: /sys/fs/bpf/bailey             a folder on a bpffs
//   connections: 65536                   rows of the connection table
//   eventsPerSecond: 5000                flow events of each processor; what is beyond is counted only
//   redirect: true                       packets go past the stack where that is safe
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "manifest/manifest.h"

namespace bailey::agent {

struct Config {
  std::string node;
  std::vector<std::string> files;  // empty: the source is the socket
  bool routed = true;
  std::optional<std::string> uplink;  // unset: to be found; "": none
  std::string socket = "/run/bailey/agent/agent.sock";
  std::string ipam_dir = "/run/bailey/ipam";
  std::string pins = "/sys/fs/bpf/bailey";
  std::uint32_t connections = 65536;
  std::uint32_t events_per_second = 5000;
  bool redirect = true;
};

// YAML or JSON. Nothing where `errors` got one.
std::optional<Config> parse_config(const manifest::Document& document, std::vector<model::InputError>& errors);

std::span<const base::Text> texts();

}  // namespace bailey::agent
