// The tree of one YAML or JSON document: what was written and where.
//
// Nodes are immutable, and an alias points to the node of its anchor, so the tree of a file is never much larger in
// memory than the file, whatever its aliases expand to. A Tree owns its nodes; they go all at once, with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <type_traits>

#include "model/source.h"

namespace bailey::manifest {

struct Node;
using NodePtr = const Node*;  // owned by its Tree

struct Member {
  std::string_view key;
  model::Position key_position;
  NodePtr value;
};

struct Node {
  // As Kubernetes resolves YAML: plain `yes` is a boolean, plain `80` an integer, anything quoted a text.
  enum class Type : std::uint8_t { null, boolean, integer, real, text, sequence, mapping };
  Type type = Type::null;
  bool quoted = false;       // scalars: written in quotes or as a block
  bool deferred = false;     // a mapping of a JSON list that is only checked so far: `text` is its JSON (see parse.h)
  model::Position position;  // of the first character; of an empty value: where it would stand
  std::string_view text;     // scalars: as written, quotes and escapes resolved
  std::span<const NodePtr> items;   // sequences
  std::span<const Member> members;  // mappings, in the order written; merged keys (`<<`) last
  std::uint64_t weight = 1;         // nodes below and including this one, aliases expanded

  bool is_scalar() const { return type < Type::sequence; }
  const Member* find(std::string_view key) const;
};

// Storage of a document's nodes. Neither copied nor moved, as nodes point into it; what it gives out lives as long.
// Texts may also point into the text that was read, which must live as long, too.
class Tree {
 public:
  Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Node* node() { return new (memory_.allocate(sizeof(Node), alignof(Node))) Node; }
  std::string_view keep(std::string_view text);
  template <typename T>
  std::span<const T> keep(std::span<const T> list) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    if (list.empty()) return {};
    T* copy = static_cast<T*>(memory_.allocate(list.size_bytes(), alignof(T)));
    std::uninitialized_copy(list.begin(), list.end(), copy);
    return {copy, list.size()};
  }
  void clear() { memory_.release(); }

 private:
  std::pmr::monotonic_buffer_resource memory_{4096};
};
static_assert(std::is_trivially_destructible_v<Node>, "a Tree forgets its nodes without visiting them");

// The type of a plain scalar (YAML 1.1 with Kubernetes' choices). Quoted scalars are texts.
Node::Type plain_type(std::string_view text);
bool boolean_value(std::string_view text);                       // of a plain scalar of type boolean
bool integer_value(std::string_view text, std::int64_t* value);  // false where it does not fit

// Where a member is best pointed at: its value, or the key where the value begins on another line.
model::Position position_of(const Member& member);

}  // namespace bailey::manifest
