#include "model/network.h"

namespace bailey::model {
namespace {

constexpr std::string_view next_hop_names[] = {"VirtualNetworkGateway", "VnetLocal", "Internet",
                                               "VirtualAppliance",      "None",      "VNetPeering"};

}  // namespace

const Subnet* VirtualNetwork::find(std::string_view subnet) const {
  for (const Subnet& candidate : subnets)
    if (candidate.name == subnet) return &candidate;
  return nullptr;
}

std::string_view name(NextHopType type) { return next_hop_names[static_cast<int>(type)]; }

std::optional<NextHopType> next_hop_type_of(std::string_view text) {
  for (int i = 0; i < 6; ++i)
    if (next_hop_names[i] == text) return static_cast<NextHopType>(i);
  return std::nullopt;
}

std::string_view name(NetworkModel model) { return model == NetworkModel::vnet ? "vnet" : "kubenet"; }

}  // namespace bailey::model
