// The topology as a tree: networks at the left, in each its subnets, in each the hosts that have an address there,
// below a node its pods. A host is placed by the subnet that the document names for it, or else by its first
// address; what fits nowhere stands at the end rather than being lost.
#include <algorithm>
#include <map>
#include <set>

#include "model/address.h"
#include "render.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;

constexpr std::size_t most_pods_shown = 12;

std::string words(const Json& list) {
  std::string out;
  for (const Json& item : list.items()) out += (out.empty() ? "" : " ") + item.as_string();
  return out;
}

std::string kind_title(const std::string& kind, const Session& session) {
  if (kind == "vnet") return session.text("cli.network.vnet");
  if (kind == "onpremises") return session.text("cli.network.on-premises");
  if (kind == "internet") return session.text("cli.network.internet");
  return kind;
}

bool holds(const Json& prefixes, const Json& addresses) {
  for (const Json& item : prefixes.items()) {
    auto prefix = model::Prefix::parse(item.as_string());
    if (!prefix) continue;
    for (const Json& text : addresses.items()) {
      auto address = model::Address::parse(text.as_string());
      if (address && prefix->contains(*address)) return true;
    }
  }
  return false;
}

// Hosts that are the network itself are not drawn as hosts in it.
bool is_machinery(const Json& host) {
  const std::string& name = host["name"].as_string();
  const std::string& kind = host["kind"].as_string();
  return name == "fabric" || name == "internet" || name.starts_with("onprem/") || kind == "fabric" ||
         kind == "onprem" ||
         (kind == "internet" && name.find('/') == std::string::npos && host["addresses"].items().empty());
}

class Drawing {
 public:
  Drawing(const Json& status, const Session& session) : status_(status), session_(session) {}

  std::vector<Branch> branches() {
    std::vector<Branch> out;
    for (const Json& network : status_["networks"].items()) out.push_back(draw_network(network));
    Branch rest{{session_.text("cli.network.other"), Paint::bold}, {}, {}};
    for (const Json& host : status_["hosts"].items())
      if (!is_machinery(host) && !drawn_.contains(host["name"].as_string())) rest.children.push_back(draw_host(host));
    if (!rest.children.empty()) out.push_back(std::move(rest));
    return out;
  }

 private:
  Branch draw_network(const Json& network) {
    const std::string& name = network["name"].as_string();
    std::string title = kind_title(network["kind"].as_string(), session_);
    if (!name.empty() && name != network["kind"].as_string()) title += (title.empty() ? "" : " ") + name;
    Branch out{{title, Paint::bold}, {words(network["prefixes"]), Paint::dim}, {}};
    for (const Json& subnet : network["subnets"].items()) {
      Branch branch{{subnet["name"].as_string(), Paint::blue}, {words(subnet["prefixes"]), Paint::dim}, {}};
      add_hosts(branch, name + "/" + subnet["name"].as_string(), subnet["prefixes"]);
      out.children.push_back(std::move(branch));
    }
    if (network["subnets"].items().empty())
      add_hosts(out, name, network["prefixes"], network["kind"].as_string() == "internet");
    for (const Json& peer : network["peers"].items()) {
      const std::string& state = peer["state"].as_string();
      out.children.push_back({{"⇄ " + peer["name"].as_string(), Paint::cyan},
                              {session_.text("cli.peering", {state}), state == "Connected" ? Paint::green : Paint::red},
                              {}});
    }
    for (const Json& gateway : network["gateways"].items()) {
      std::string detail = gateway["type"].as_string();
      if (const std::string to = words(gateway["networks"]); !to.empty()) detail += " → " + to;
      out.children.push_back({{"⇥ " + gateway["name"].as_string(), Paint::cyan}, {detail}, {}});
    }
    return out;
  }

  // The Internet takes what no other network claims, so it goes by what the document says alone or by kind.
  void add_hosts(Branch& branch, const std::string& place, const Json& prefixes, bool internet = false) {
    for (const Json& host : status_["hosts"].items()) {
      if (is_machinery(host) || drawn_.contains(host["name"].as_string())) continue;
      const std::string& said = host.has("subnet") ? host["subnet"].as_string() : host["network"].as_string();
      bool here = !said.empty() ? said == place : internet ? is_public(host) : holds(prefixes, host["addresses"]);
      if (here) branch.children.push_back(draw_host(host));
    }
  }

  bool is_public(const Json& host) const {
    if (host["addresses"].items().empty()) return false;
    for (const Json& network : status_["networks"].items())
      if (network["kind"].as_string() != "internet" && holds(network["prefixes"], host["addresses"])) return false;
    return true;
  }

  Branch draw_host(const Json& host) {
    const std::string& name = host["name"].as_string();
    const std::string& kind = host["kind"].as_string();
    drawn_.insert(name);
    bool node = kind == "node" || name.starts_with("node/");
    std::string label = name.find('/') != std::string::npos ? name : (node ? "node/" : "host/") + name;
    Branch out{{label}, {words(host["addresses"]), Paint::plain}, {}};
    if (!node) return out;
    std::string bare = name.starts_with("node/") ? name.substr(5) : name;
    std::size_t hidden = 0;
    for (const Json& pod : status_["pods"].items()) {
      if (pod["node"].as_string() != bare) continue;
      if (out.children.size() >= most_pods_shown) {
        ++hidden;
        continue;
      }
      bool ready = pod["ready"].as_bool();
      std::string detail = words(pod["addresses"]);
      if (!ready)
        detail += (detail.empty() ? "" : "  ") + pod["phase"].as_string() + ", " + session_.text("cli.not-ready");
      out.children.push_back({{"pod/" + pod["namespace"].as_string() + "/" + pod["name"].as_string(),
                               ready ? Paint::green : Paint::yellow},
                              {detail},
                              {}});
    }
    if (hidden > 0) out.children.push_back({{session_.text("cli.more", {std::to_string(hidden)}), Paint::dim}, {}, {}});
    return out;
  }

  const Json& status_;
  const Session& session_;
  std::set<std::string> drawn_;
};

}  // namespace

std::string topology(const Json& status, const Session& session, bool color) {
  return tree(Drawing(status, session).branches(), color);
}

}  // namespace bailey::cli
