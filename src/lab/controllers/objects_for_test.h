// Objects in few words, and what a completion says in words, for the tests of the controllers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lab/controllers/controllers.h"
#include "lab/controllers/draft.h"
#include "lab/controllers/texts.h"

namespace bailey::lab::controllers {

using model::AnyObject;
using Objects = std::vector<AnyObject>;
using Texts = std::vector<std::string>;

template <typename T>
std::shared_ptr<T> make(Kind kind, const std::string& ns, const std::string& object_name, model::Labels labels = {}) {
  auto object = std::make_shared<T>();
  object->meta.kind = kind;
  object->meta.ns = ns;
  object->meta.name = object_name;
  object->meta.labels = std::move(labels);
  return object;
}

inline Address addr(const std::string& text) { return Address::parse(text).value(); }
inline Prefix pre(const std::string& text) { return Prefix::parse(text).value(); }

inline std::vector<Prefix> prefixes(const std::vector<std::string>& texts) {
  std::vector<Prefix> out;
  for (const std::string& text : texts) out.push_back(pre(text));
  return out;
}

// VirtualNetwork with one subnet "nodes" that holds all of its space.
inline std::shared_ptr<model::VirtualNetwork> vnet(const std::string& name, const std::vector<std::string>& space) {
  auto object = make<model::VirtualNetwork>(Kind::VirtualNetwork, "", name);
  object->address_space = prefixes(space);
  model::Subnet nodes;
  nodes.name = "nodes";
  nodes.prefixes = object->address_space;
  object->subnets = {nodes};
  return object;
}

inline model::NodePool pool(const std::string& name, std::uint32_t count, std::uint32_t max_pods = 30) {
  model::NodePool out;
  out.name = name;
  out.count = count;
  out.max_pods = max_pods;
  return out;
}

inline std::shared_ptr<model::Cluster> cluster(const std::string& name, const std::string& subnet,
                                               std::vector<model::NodePool> pools) {
  auto object = make<model::Cluster>(Kind::Cluster, "", name);
  if (!subnet.empty()) object->subnet = *SubnetRef::parse(subnet);
  object->node_pools = std::move(pools);
  return object;
}

inline std::shared_ptr<model::NetworkInterface> nic(const std::string& name, const std::string& subnet,
                                                    const std::vector<std::string>& addresses = {}) {
  auto object = make<model::NetworkInterface>(Kind::NetworkInterface, "", name);
  object->subnet = *SubnetRef::parse(subnet);
  for (const std::string& text : addresses) object->addresses.push_back(addr(text));
  return object;
}

inline std::shared_ptr<model::Pod> pod(const std::string& ns, const std::string& name, model::Labels labels = {}) {
  return make<model::Pod>(Kind::Pod, ns, name, std::move(labels));
}

inline std::shared_ptr<model::Pod> pinned(const std::string& name, const std::string& address) {
  auto object = pod("default", name);
  object->pinned_addresses = {addr(address)};
  return object;
}

inline std::shared_ptr<model::Workload> workload(Kind kind, const std::string& name, std::uint32_t replicas) {
  auto object = make<model::Workload>(kind, "default", name);
  object->replicas = replicas;
  object->template_labels = {{"app", name}};
  object->selector.match_labels = {{"app", name}};
  object->pod.ports = {{"http", 8080, 0, model::Protocol::tcp}};
  return object;
}

inline std::shared_ptr<model::Node> node(const std::string& name, model::Labels labels = {}) {
  return make<model::Node>(Kind::Node, "", name, std::move(labels));
}

inline std::shared_ptr<model::Service> service(const std::string& name) {
  auto object = make<model::Service>(Kind::Service, "default", name);
  object->selector = model::Labels{{"app", name}};
  object->ports = {{"", 80, {8080, ""}, 0, model::Protocol::tcp, ""}};
  return object;
}

inline Completion run(Objects objects, const Assignments& earlier = {}, const CompleteOptions& options = {}) {
  return complete(model::snapshot_of(std::move(objects)), earlier, options);
}

inline Completion run_filled(Objects objects) {
  CompleteOptions options;
  options.fill = true;
  return run(std::move(objects), {}, options);
}

inline Objects operator+(Objects a, const Objects& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

template <typename T>
const T& get(const Completion& done, Kind kind, const std::string& ns, const std::string& name) {
  static const T missing;
  const T* found = done.snapshot.find<T>(ObjectRef{kind, ns, name});
  EXPECT_TRUE(found) << model::name(kind) << "/" << ns << "/" << name << " does not exist";
  return found ? *found : missing;
}
inline const model::Node& get_node(const Completion& done, const std::string& name) {
  return get<model::Node>(done, Kind::Node, "", name);
}
inline const model::Pod& get_pod(const Completion& done, const std::string& name) {
  return get<model::Pod>(done, Kind::Pod, "default", name);
}
inline const model::Service& get_service(const Completion& done, const std::string& name) {
  return get<model::Service>(done, Kind::Service, "default", name);
}

template <typename T>
Texts names(const Completion& done) {
  Texts out;
  for (const auto& row : done.snapshot.all<T>()) out.push_back(row->meta.name);
  return out;
}

template <typename List>
std::string texts_of(const List& list) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : " ") + item.text();
  return out;
}

// "Pod/default/web Scheduled NodesFull"
inline Texts conditions(const Completion& done) {
  Texts out;
  for (const Condition& condition : done.conditions)
    out.push_back(condition.object.text() + " " + condition.type + (condition.status ? "+ " : " ") + condition.reason);
  return out;
}

inline std::string english(const Condition& condition) {
  base::Catalogue catalogue{controllers::texts()};
  return catalogue.render(condition.message, base::Lang::en);
}

inline Texts made(const Completion& done) {
  Texts out;
  for (const ObjectRef& ref : done.made) out.push_back(ref.text());
  return out;
}

}  // namespace bailey::lab::controllers
