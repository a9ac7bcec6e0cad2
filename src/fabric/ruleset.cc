// A packet passes these base chains:
//
//   source      raw, before connection tracking: `devices` says which chain takes what enters by a device. That one
//               drops foreign sources, gives the packet its mark and asks the routing tables (fib) once where that
//               leads: nowhere is counted and dropped, to the Internet is tracked in a zone of the VNet's, and
//               everything else needs no connection and is not tracked
//   returns     what comes from the Internet gets the mark under which its connection went out, or that of the
//               public address it is for
//   to_private  public address -> the interface's own
//   unroutable  what came from the Internet and no table would take is counted and dropped
//   input       answers neighbour discovery and nothing else
//   forward     nothing without a mark; remembers the way back of what goes to the Internet, and drops replies that
//   take
//               another way than their connection came
//   to_public   the interface's own -> its public address, or the VNet's outbound address
#include "fabric/ruleset.h"

#include <fmt/format.h>

namespace bailey::fabric {
namespace {

using base::Json;
using model::Address;
using model::AddressRange;
using model::Family;
using model::Prefix;

Json object(std::string key, Json value) { return Json::object().set(std::move(key), std::move(value)); }

Json list(std::initializer_list<Json> items) {
  Json out = Json::array();
  for (const Json& item : items) out.push(item);
  return out;
}

Json meta(const char* key) { return object("meta", object("key", key)); }
Json ct(const char* key) { return object("ct", object("key", key)); }
Json payload(const char* protocol, const char* field) {
  return object("payload", Json::object().set("protocol", protocol).set("field", field));
}
Json concat(Json a, Json b) { return object("concat", list({std::move(a), std::move(b)})); }
Json lookup(Json key, const char* map) {
  return object("map", Json::object().set("key", std::move(key)).set("data", map));
}
Json match(const char* op, Json left, Json right) {
  return object("match", Json::object().set("op", op).set("left", std::move(left)).set("right", std::move(right)));
}
Json set_to(Json key, Json value) {
  return object("mangle", Json::object().set("key", std::move(key)).set("value", std::move(value)));
}
Json count(Json what) { return object("counter", std::move(what)); }
Json drop() { return object("drop", nullptr); }
Json accept() { return object("accept", nullptr); }
Json go_to(const std::string& chain) { return object("goto", object("target", chain)); }

// Index of the device to which a packet with its present mark would be routed; 0 without a route.
Json device_of_route() {
  return object("fib", Json::object().set("result", "oif").set("flags", list({"daddr", "mark"})));
}
Json choose(Json key, Json map) {
  return object("vmap", Json::object().set("key", std::move(key)).set("data", std::move(map)));
}

Json hook(const char* type, const char* name, int priority, const char* policy) {
  return Json::object().set("type", type).set("hook", name).set("prio", priority).set("policy", policy);
}

Json prefix_json(const Prefix& prefix) {
  return object("prefix", Json::object().set("addr", prefix.address().text()).set("len", prefix.length()));
}

// Single addresses too are written as ranges: libnftables 1.0.6 adds them without, but cannot delete them again.
Json range_json(const AddressRange& range) { return object("range", list({range.first.text(), range.last.text()})); }

Json source_json(const AddressRange& range) {
  return range.first == range.last ? Json(range.first.text()) : range_json(range);
}

const char* v(Family family) { return family == Family::v4 ? "4" : "6"; }
const char* ip(Family family) { return family == Family::v4 ? "ip" : "ip6"; }
const char* address_type(Family family) { return family == Family::v4 ? "ipv4_addr" : "ipv6_addr"; }
constexpr Family families[] = {Family::v4, Family::v6};

std::string class_chain(std::uint32_t mark) { return fmt::format("class-{:08x}", mark); }
std::string device_chain(const std::string& device) { return "from-" + device; }
std::string zone_chain(std::uint16_t zone) { return fmt::format("zone-{}", zone); }
std::string source_counter(const std::string& device) { return "source-" + device; }
std::string route_counter(std::uint32_t mark) { return fmt::format("route-{:08x}", mark); }

class Writer {
 public:
  Writer(const Filter& filter, unsigned internet_index)
      : filter_(filter), internet_(filter.internet_device), internet_index_(internet_index) {}

  Ruleset run() {
    declare_sets();
    write_source();
    write_returns();
    write_unroutable();
    write_local();
    write_forward();
    write_translation();
    for (const Filter::Class& row : filter_.classes) add_class(row);
    for (const Filter::SourceCheck& row : filter_.source_checks) add_source_check(row);
    for (const Filter::Entry& row : filter_.entries) add_entry(row);
    for (const Filter::SourceNat& row : filter_.source_nat) add_source_nat(row);
    for (const Filter::Public& row : filter_.publics) add_public(row);
    return std::move(out_);
  }

 private:
  void declare(const std::string& name, Json key, Json data, bool interval) {
    Json declaration = object("type", std::move(key));
    if (!data.is_null()) declaration.set("map", std::move(data));
    if (interval) declaration.set("flags", list({"interval"}));
    out_.sets[name].declaration = std::move(declaration);
  }

  void declare_sets() {
    declare("devices", "ifname", "verdict", false);
    declare("route_counters", "mark", "counter", false);
    declare("return_marks", "mark", "mark", false);
    declare("forwarded", "mark", nullptr, false);
    for (Family family : families) {
      Json address = address_type(family);
      std::string number = v(family);
      declare("public_zones" + number, address, "verdict", false);
      declare("public_marks" + number, address, "mark", false);
      declare("private" + number, address, address, false);
      declare("public_of_source" + number, list({"mark", address}), address, true);
      declare("public_of_class" + number, "mark", address, false);
    }
  }

  void element(const std::string& set, Json value) {
    std::string text = value.dump();
    out_.sets[set].elements.emplace(std::move(text), std::move(value));
  }

  Ruleset::Chain& base_chain(const std::string& name, Json at) {
    out_.chains[name].hook = std::move(at);
    return out_.chains[name];
  }

  void write_source() {
    auto& rules = base_chain("source", hook("filter", "prerouting", -300, "accept")).rules;
    Json local =
        object("set", list({prefix_json(*Prefix::parse("fe80::/10")), prefix_json(*Prefix::parse("ff00::/8"))}));
    rules.push_back(list({match("==", payload("ip6", "daddr"), local), accept()}));
    rules.push_back(list({match("==", payload("ip", "daddr"), prefix_json(*Prefix::parse("224.0.0.0/3"))), drop()}));
    rules.push_back(list({choose(meta("iifname"), "@devices")}));
    if (internet_.empty()) return;
    auto& from_there = out_.chains["from-internet"].rules;
    for (Family family : families)
      from_there.push_back(list({choose(payload(ip(family), "daddr"), std::string("@public_zones") + v(family))}));
    element("devices", list({internet_, go_to("from-internet")}));
  }

  void write_returns() {
    auto& rules = base_chain("returns", hook("filter", "prerouting", -150, "accept")).rules;
    if (internet_.empty()) return;
    Json from_there = match("==", meta("iifname"), internet_);
    for (Family family : families) {
      std::string map = std::string("@public_marks") + v(family);
      rules.push_back(list({from_there, set_to(meta("mark"), lookup(payload(ip(family), "daddr"), map.c_str()))}));
    }
    rules.push_back(list({from_there, match("!=", ct("mark"), 0), set_to(meta("mark"), ct("mark"))}));
  }

  void write_unroutable() {
    auto& rules = base_chain("unroutable", hook("filter", "prerouting", -50, "accept")).rules;
    auto& last = out_.chains["lost"].rules;
    last.push_back(list({count(lookup(meta("mark"), "@route_counters")), drop()}));
    last.push_back(list({drop()}));
    if (internet_.empty()) return;
    rules.push_back(list({match("==", meta("iifname"), internet_), match("!=", meta("mark"), 0),
                          match("==", device_of_route(), false), go_to("lost")}));
  }

  void write_local() {
    auto& rules = base_chain("input", hook("filter", "input", 0, "drop")).rules;
    Json discovery = object("set", list({"nd-neighbor-solicit", "nd-neighbor-advert"}));
    rules.push_back(list({match("==", payload("icmpv6", "type"), discovery), accept()}));
  }

  void write_forward() {
    out_.counters["not-routed"] = {"not-routed", ""};
    out_.counters["asymmetric"] = {"asymmetric", ""};
    auto& rules = base_chain("forward", hook("filter", "forward", 0, "drop")).rules;
    rules.push_back(list({match("==", meta("mark"), 0), count("not-routed"), drop()}));
    if (!internet_.empty()) {
      Json to_internet = match("==", meta("oifname"), internet_);
      rules.push_back(list({to_internet, match("==", meta("mark"), "@forwarded"), match("==", ct("direction"), "reply"),
                            count("asymmetric"), drop()}));
      rules.push_back(list(
          {to_internet, match("in", ct("state"), "new"), set_to(ct("mark"), lookup(meta("mark"), "@return_marks"))}));
    }
    rules.push_back(list({accept()}));
  }

  void write_translation() {
    auto& inward = base_chain("to_private", hook("nat", "prerouting", -100, "accept")).rules;
    auto& outward = base_chain("to_public", hook("nat", "postrouting", 100, "accept")).rules;
    if (internet_.empty()) return;
    outward.push_back(list({match("!=", meta("oifname"), internet_), accept()}));
    for (Family family : families) {
      std::string number = v(family);
      Json to = lookup(payload(ip(family), "daddr"), ("@private" + number).c_str());
      inward.push_back(list({match("==", meta("iifname"), internet_), translate("dnat", family, std::move(to))}));
      Json key = concat(meta("mark"), payload(ip(family), "saddr"));
      outward.push_back(
          list({translate("snat", family, lookup(std::move(key), ("@public_of_source" + number).c_str()))}));
      outward.push_back(list({match("==", meta("nfproto"), family == Family::v4 ? "ipv4" : "ipv6"),
                              translate("snat", family, lookup(meta("mark"), ("@public_of_class" + number).c_str()))}));
    }
    out_.counters["no-public-address"] = {"no-public-address", ""};
    outward.push_back(list({count("no-public-address"), drop()}));
  }

  static Json translate(const char* kind, Family family, Json to) {
    return object(kind, Json::object().set("family", ip(family)).set("addr", std::move(to)));
  }

  void add_class(const Filter::Class& row) {
    auto& rules = out_.chains[class_chain(row.mark)].rules;
    rules.push_back(list({set_to(meta("mark"), row.mark)}));
    Json ways = list({list({0, go_to("lost")})});
    if (row.internet_zone != 0) ways.push(list({internet_index_, go_to(zone(row.internet_zone))}));
    rules.push_back(list({choose(device_of_route(), object("set", std::move(ways)))}));
    rules.push_back(list({object("notrack", nullptr)}));
    if (row.return_mark != 0) element("return_marks", list({row.mark, row.return_mark}));
    if (row.forwarded) element("forwarded", row.mark);
    std::string counter = route_counter(row.mark);
    out_.counters[counter] = {"route", row.object};
    element("route_counters", list({row.mark, counter}));
  }

  // After the source check of the device, which may have begun its chain.
  void add_entry(const Filter::Entry& row) {
    auto checked = out_.chains.find(device_chain(row.device));
    if (checked == out_.chains.end() && row.groups.empty()) {
      element("devices", list({row.device, go_to(class_chain(row.otherwise))}));
      return;
    }
    auto& rules = out_.chains[device_chain(row.device)].rules;
    for (const Filter::Entry::Group& group : row.groups) {
      for (Family family : families) {
        Json sources = Json::array();
        for (const Prefix& prefix : group.sources)
          if (prefix.family() == family) sources.push(prefix_json(prefix));
        if (sources.items().empty()) continue;
        rules.push_back(list({match("==", payload(ip(family), "saddr"), object("set", std::move(sources))),
                              go_to(class_chain(group.mark))}));
      }
    }
    rules.push_back(list({go_to(class_chain(row.otherwise))}));
    element("devices", list({row.device, go_to(device_chain(row.device))}));
  }

  void add_source_check(const Filter::SourceCheck& row) {
    std::string counter = source_counter(row.device);
    out_.counters[counter] = {"source-check", row.object};
    auto& rules = out_.chains[device_chain(row.device)].rules;
    for (Family family : families) {
      Json allowed = Json::array();
      for (const AddressRange& range : row.allowed)
        if (range.first.family() == family) allowed.push(source_json(range));
      Json foreign = allowed.items().empty()
                         ? match("==", meta("nfproto"), family == Family::v4 ? "ipv4" : "ipv6")
                         : match("!=", payload(ip(family), "saddr"),
                                 allowed.items().size() == 1 ? allowed.items()[0] : object("set", allowed));
      rules.push_back(list({std::move(foreign), count(counter), drop()}));
    }
  }

  void add_source_nat(const Filter::SourceNat& row) {
    std::string number = v(row.to.family());
    if (row.sources.empty()) element("public_of_class" + number, list({row.mark, row.to.text()}));
    for (const AddressRange& range : row.sources)
      element("public_of_source" + number, list({concat(row.mark, range_json(range)), row.to.text()}));
  }

  // The chain of what is tracked in a zone.
  std::string zone(std::uint16_t number) {
    std::string chain = zone_chain(number);
    if (out_.chains[chain].rules.empty())
      out_.chains[chain].rules.push_back(list({set_to(ct("zone"), unsigned{number})}));
    return chain;
  }

  void add_public(const Filter::Public& row) {
    std::string number = v(row.address.family());
    element("public_zones" + number, list({row.address.text(), go_to(zone(row.zone))}));
    if (!row.to) return;
    element("public_marks" + number, list({row.address.text(), row.mark}));
    element("private" + number, list({row.address.text(), row.to->text()}));
  }

  const Filter& filter_;
  std::string internet_;
  unsigned internet_index_;
  Ruleset out_;
};

Json named(const std::string& name) {
  return Json::object().set("family", nft_family).set("table", nft_table).set("name", name);
}

// Adds commands in the order in which nftables can take them: what is named before what names it.
class Commands {
 public:
  void command(const char* verb, const char* kind, Json what) {
    out_.push(object(verb, object(kind, std::move(what))));
  }

  void add_counter(const std::string& name, std::uint64_t packets) {
    Json what = named(name);
    if (packets != 0) what.set("packets", packets).set("bytes", 0);
    command("add", "counter", std::move(what));
  }
  void add_chain(const std::string& name, const Ruleset::Chain& chain) {
    Json what = named(name);
    for (const auto& [key, value] : chain.hook.members()) what.set(key, value);
    command("add", "chain", std::move(what));
  }
  void add_rules(const std::string& name, const Ruleset::Chain& chain) {
    for (const Json& rule : chain.rules)
      command("add", "rule",
              Json::object().set("family", nft_family).set("table", nft_table).set("chain", name).set("expr", rule));
  }
  void set(const char* verb, const std::string& name, const Ruleset::Set& set) {
    Json what = named(name);
    for (const auto& [key, value] : set.declaration.members()) what.set(key, value);
    command(verb, set.declaration.has("map") ? "map" : "set", std::move(what));
  }
  // The elements of `set` that `other` has not.
  void elements(const char* verb, const std::string& name, const Ruleset::Set& set, const Ruleset::Set& other) {
    Json elements = Json::array();
    for (const auto& [text, value] : set.elements)
      if (!other.elements.contains(text)) elements.push(value);
    if (elements.items().empty()) return;
    command(verb, "element", named(name).set("elem", std::move(elements)));
  }

  bool empty() const { return out_.items().empty(); }
  Json take() { return object("nftables", std::move(out_)); }

 private:
  Json out_ = Json::array();
};

Json table_json() { return Json::object().set("family", nft_family).set("name", nft_table); }

void add_all(Commands& commands, const Ruleset& to, const std::map<std::string, std::uint64_t>& packets) {
  for (const auto& [name, counter] : to.counters) {
    auto known = packets.find(name);
    commands.add_counter(name, known == packets.end() ? 0 : known->second);
  }
  for (const auto& [name, chain] : to.chains) commands.add_chain(name, chain);
  for (const auto& [name, set] : to.sets) commands.set("add", name, set);
  for (const auto& [name, chain] : to.chains) commands.add_rules(name, chain);
  for (const auto& [name, set] : to.sets) commands.elements("add", name, set, {});
}

}  // namespace

Ruleset ruleset(const Filter& filter, unsigned internet_index) {
  if (filter.classes.empty() && filter.internet_device.empty()) return {};
  return Writer(filter, internet_index).run();
}

Json replacement(const Ruleset& to, const std::map<std::string, std::uint64_t>& packets) {
  Commands commands;
  commands.command("add", "table", table_json());  // so that deleting it cannot fail
  commands.command("delete", "table", table_json());
  if (to.empty()) return commands.take();
  commands.command("add", "table", table_json());
  add_all(commands, to, packets);
  return commands.take();
}

Json transaction(const Ruleset& from, const Ruleset& to) {
  if (from == to) return {};
  Commands commands;
  if (to.empty() || from.empty()) return replacement(to, {});
  for (const auto& [name, counter] : to.counters)
    if (!from.counters.contains(name)) commands.add_counter(name, 0);
  for (const auto& [name, chain] : to.chains)
    if (!from.chains.contains(name)) commands.add_chain(name, chain);
  for (const auto& [name, set] : from.sets) {
    auto stays = to.sets.find(name);
    if (stays != to.sets.end()) commands.elements("delete", name, set, stays->second);
  }
  for (const auto& [name, chain] : to.chains) {
    auto before = from.chains.find(name);
    if (before != from.chains.end() && before->second == chain) continue;
    if (before != from.chains.end()) commands.command("flush", "chain", named(name));
    commands.add_rules(name, chain);
  }
  for (const auto& [name, set] : to.sets) {
    auto before = from.sets.find(name);
    commands.elements("add", name, set, before == from.sets.end() ? Ruleset::Set{} : before->second);
  }
  // Chains go to one another: all are emptied before the first is deleted.
  for (const char* verb : {"flush", "delete"})
    for (const auto& [name, chain] : from.chains)
      if (!to.chains.contains(name)) commands.command(verb, "chain", named(name));
  for (const auto& [name, counter] : from.counters)
    if (!to.counters.contains(name)) commands.command("delete", "counter", named(name));
  return commands.take();
}

}  // namespace bailey::fabric
