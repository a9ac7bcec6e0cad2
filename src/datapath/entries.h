// The entries of a set of policies, written out for what the identities of peers mean.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datapath/policy.h"

namespace bailey::datapath {

// What an identity means: all that rules can tell addresses apart by.
struct Class {
  std::shared_ptr<const model::Pod> pod;  // any of those alike; null: no pod
  model::Labels namespace_labels;         // of its namespace
  std::optional<model::Prefix> block;     // the narrowest that holds the address
};

// Texts that are the same where rules cannot tell the objects apart, and only there.
std::string text_of(const model::Labels& labels);
// The pod's named ports.
std::string text_of_ports(const model::Pod& pod);
// A policy as it is written, without what selects its pods: whether it selects one is asked for each pod.
std::string text_of(const model::NetworkPolicy& policy);
// With its length, so that no two lists of parts have one spelling.
std::string part(const std::string& text);

// Policies of an endpoint, and what stands in the map for them.
struct Member {
  std::shared_ptr<const model::NetworkPolicy> policy;
  std::uint32_t number = 0;
};
struct Set {
  std::array<std::vector<Member>, 2> members;  // by Direction, ascending by name
  std::shared_ptr<const model::Pod> own;       // any endpoint of the set: its named ports are those of all
  bool used = false;
};

// Adds the entries of one set; those that stand already stay.
class EntryWriter {
 public:
  // All of these outlive it.
  EntryWriter(std::map<PolicyKey, Rule>& entries, std::uint32_t number, const Set& set)
      : entries_(entries), number_(number), set_(set) {}
  // What holds for every peer.
  void write_common();
  // What holds for peers of this identity.
  void write(Identity identity, const Class& kind);

 private:
  template <typename Action>
  void each_rule(const Action& action) const;
  void add(const model::PolicyRule& rule, PolicyKey key, const Rule& by, const model::Pod* target);

  std::map<PolicyKey, Rule>& entries_;
  std::uint32_t number_;
  const Set& set_;
};

// Of an IP header.
std::uint8_t number_of(model::Protocol protocol);

}  // namespace bailey::datapath
