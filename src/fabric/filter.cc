// Which packets belong to which class, and what the Internet sees of them.
//
// A forwarding interface has three classes. "own" is what it says itself. "inner" comes from elsewhere in its
// VNet and "foreign" from outside of it: both are answered by way of the appliance when they went to the
// Internet, and "foreign" crosses a peering only where the receiving side allows forwarded traffic. The fabric
// translates what appliances send to the Internet as if they had translated it themselves, which Azure expects
// of them.
#include "fabric/route.h"
#include "fabric/topology.h"

namespace bailey::fabric {
namespace {

using model::Address;
using model::AddressRange;
using model::Family;
using model::Prefix;

// What the Internet sees of an interface in a family; empty where it cannot be seen.
std::optional<Address> outside_address(const Topology& topology, const NicPort& port, Family family) {
  if (port.nic.public_address && port.nic.public_address->family() == family) return port.nic.public_address;
  for (const Address& address : topology.vnet(port.vnet())->outbound_addresses)
    if (address.family() == family) return address;
  return std::nullopt;
}

// All addresses that packets of the interface may come from.
std::vector<AddressRange> sources_of(const NicPort& port) {
  std::vector<AddressRange> out;
  for (const Address& address : port.nic.addresses) out.push_back({address, address});
  for (const Address& address : port.nic.pod_addresses) out.push_back({address, address});
  out.insert(out.end(), port.nic.pod_ranges.begin(), port.nic.pod_ranges.end());
  return out;
}

class Filters {
 public:
  Filters(const Topology& topology, Filter& out) : topology_(topology), out_(out) {}

  void run() {
    if (topology_.has_internet()) out_.internet_device = "internet";
    for (const model::SubnetRef& subnet : topology_.subnets())
      add_class(topology_.mark("subnet " + subnet.text()), subnet.vnet, topology_.mark("return " + subnet.vnet),
                "VirtualNetwork/" + subnet.vnet + "/subnets/" + subnet.subnet, true);
    for (const NicPort& port : topology_.nics()) port.nic.ip_forwarding ? add_appliance(port) : add_nic(port);
    for (const GatewayPort& port : topology_.gateways()) add_gateway(port);
    if (topology_.has_internet()) add_publics();
  }

 private:
  // Packets of a whole class go out with the VNet's outbound addresses, unless said otherwise.
  void add_class(std::uint32_t mark, const std::string& vnet, std::uint32_t return_mark, const std::string& object,
                 bool outbound) {
    bool internet = topology_.has_internet();
    out_.classes.push_back(
        {mark, internet ? topology_.internet_zone(vnet) : std::uint16_t{0}, internet ? return_mark : 0, object});
    if (!internet || !outbound) return;
    for (const Address& address : topology_.vnet(vnet)->outbound_addresses)
      out_.source_nat.push_back({mark, {}, address});
  }

  void add_nic(const NicPort& port) {
    std::uint32_t mark = topology_.mark("subnet " + port.nic.subnet.text());
    out_.entries.push_back({port.device, {}, mark});
    out_.source_checks.push_back({port.device, sources_of(port), port.nic.object.text()});
    if (!port.nic.public_address || !topology_.has_internet()) return;
    std::vector<AddressRange> own;
    for (const AddressRange& range : sources_of(port))
      if (range.first.family() == port.nic.public_address->family()) own.push_back(range);
    if (!own.empty()) out_.source_nat.push_back({mark, own, *port.nic.public_address});
  }

  void add_appliance(const NicPort& port) {
    const std::string& name = port.nic.name;
    std::uint32_t own = topology_.mark("own " + name);
    std::uint32_t inner = topology_.mark("inner " + name);
    std::uint32_t foreign = topology_.mark("foreign " + name);
    std::uint32_t by_appliance = topology_.mark("via " + name);
    add_class(own, port.vnet(), topology_.mark("return " + port.vnet()), port.nic.object.text(), false);
    add_class(inner, port.vnet(), by_appliance, port.nic.object.text(), false);
    add_class(foreign, port.vnet(), by_appliance, port.nic.object.text(), false);
    for (Filter::Class& row : out_.classes) row.forwarded = row.forwarded || row.mark == inner || row.mark == foreign;
    for (std::uint32_t mark : {own, inner, foreign})
      for (Family family : {Family::v4, Family::v6})
        if (auto to = outside_address(topology_, port, family); to && topology_.has_internet())
          out_.source_nat.push_back({mark, {}, *to});
    Filter::Entry entry{port.device, {}, foreign};
    Filter::Entry::Group itself;
    itself.mark = own;
    for (const AddressRange& range : sources_of(port)) {
      std::vector<Prefix> cover = range.prefixes();
      itself.sources.insert(itself.sources.end(), cover.begin(), cover.end());
    }
    entry.groups.push_back(std::move(itself));
    entry.groups.push_back({topology_.vnet(port.vnet())->address_space, inner});
    out_.entries.push_back(std::move(entry));
  }

  void add_gateway(const GatewayPort& port) {
    const std::string& name = port.gateway->meta.name;
    std::uint32_t mark = topology_.mark("gateway " + name);
    out_.entries.push_back({port.device, {}, mark});
    Filter::SourceCheck check{port.device, {}, port.connection->meta.ref().text()};
    for (const Prefix& prefix : connection_routes(topology_.snapshot(), *port.connection))
      check.allowed.push_back({prefix.first(), prefix.last()});
    out_.source_checks.push_back(std::move(check));
    for (const Filter::Class& existing : out_.classes)
      if (existing.mark == mark) return;  // a second connection of the same gateway
    out_.classes.push_back({mark, 0, 0, port.gateway->meta.ref().text()});
  }

  void add_publics() {
    std::set<Address> known;
    auto add = [&](const Address& address, const std::string& vnet, std::optional<Address> to) {
      if (!known.insert(address).second) return;
      out_.publics.push_back({address, topology_.internet_zone(vnet), to ? topology_.mark("return " + vnet) : 0, to});
    };
    for (const NicPort& port : topology_.nics())
      if (port.nic.public_address)
        add(*port.nic.public_address, port.vnet(), port.address(port.nic.public_address->family()));
    for (const std::string& vnet : topology_.vnets())
      for (const Address& address : topology_.vnet(vnet)->outbound_addresses) add(address, vnet, std::nullopt);
  }

  const Topology& topology_;
  Filter& out_;
};

}  // namespace

void add_filter(const Topology& topology, Desired& out) { Filters(topology, out.filter).run(); }

}  // namespace bailey::fabric
