// The tree of one YAML or JSON document: what was written and where.
//
// Nodes are immutable and shared: an alias points to the node of its anchor, so the tree of a file is never larger
// in memory than the file, whatever its aliases expand to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/source.h"

namespace bailey::manifest {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Member {
  std::string key;
  model::Position key_position;
  NodePtr value;
};

struct Node {
  // As Kubernetes resolves YAML: plain `yes` is a boolean, plain `80` an integer, anything quoted a text.
  enum class Type : std::uint8_t { null, boolean, integer, real, text, sequence, mapping };
  Type type = Type::null;
  bool quoted = false;          // scalars: written in quotes or as a block
  model::Position position;     // of the first character; of an empty value: where it would stand
  std::string text;             // scalars: as written, quotes and escapes resolved
  std::vector<NodePtr> items;   // sequences
  std::vector<Member> members;  // mappings, in the order written; merged keys (`<<`) last
  std::uint64_t weight = 1;     // nodes below and including this one, aliases expanded

  bool is_scalar() const { return type < Type::sequence; }
  const Member* find(std::string_view key) const;
};

// The type of a plain scalar (YAML 1.1 with Kubernetes' choices). Quoted scalars are texts.
Node::Type plain_type(std::string_view text);
bool boolean_value(std::string_view text);                       // of a plain scalar of type boolean
bool integer_value(std::string_view text, std::int64_t* value);  // false where it does not fit

// Where a member is best pointed at: its value, or the key where the value begins on another line.
model::Position position_of(const Member& member);

}  // namespace bailey::manifest
