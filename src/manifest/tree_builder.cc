// Aliases share nodes; each node knows its expanded weight, and a document whose aliases add more than max_expansion
// nodes is refused before anyone walks it.
#include "manifest/tree_builder.h"

namespace bailey::manifest {

using model::Position;

namespace {

constexpr std::size_t few_keys = 12;  // looked through one by one

[[noreturn]] void fail_key(Position position) {
  throw Stop{
      {"bad-yaml", position, {"manifest.expected-key", {}}, {"manifest.found-no-key", {}}, {"manifest.mend-key", {}}}};
}

[[noreturn]] void fail_merge(Position position) {
  throw Stop{{"bad-yaml",
              position,
              {"manifest.expected-merge", {}},
              {"manifest.found-no-mapping", {}},
              {"manifest.mend-merge", {}}}};
}

}  // namespace

Flaw too_deep(Position position) {
  return {"too-deep",
          position,
          {"manifest.expected-depth", {std::to_string(max_depth)}},
          {"manifest.found-deeper", {}},
          {"manifest.mend-depth", {}}};
}

Flaw too_many_values(Position position, std::uint64_t most) {
  return {"too-large",
          position,
          {"manifest.expected-nodes", {std::to_string(most)}},
          {"manifest.found-expansion", {}},
          {"manifest.mend-size", {}}};
}

void TreeBuilder::scalar(Position position, Node::Type type, bool quoted, std::string_view text,
                         std::string_view anchor) {
  Node* node = tree_.node();
  node->type = type;
  node->quoted = quoted;
  node->position = position;
  node->text = text;
  add(node, anchor);
}

void TreeBuilder::missing(Position position, Position before, std::string_view anchor) {
  Node* node = tree_.node();
  node->position = open_.empty() ? position : open_.back().has_key ? open_.back().key_position : before;
  add(node, anchor);
}

void TreeBuilder::deferred(Position position, std::string_view text) {
  Node* node = tree_.node();
  node->type = Node::Type::mapping;
  node->deferred = true;
  node->position = position;
  node->text = text;
  add(node, {});
}

void TreeBuilder::add(Node* node, std::string_view anchor) {
  if (!anchor.empty()) anchors_.insert_or_assign(std::string(anchor), node);
  place(node, node->position);
}

void TreeBuilder::alias(Position position, std::string_view name) {
  auto at = anchors_.find(name);
  if (at == anchors_.end() || !at->second) {
    const char* found = at == anchors_.end() ? "manifest.found-unknown-anchor" : "manifest.found-alias-of-itself";
    throw Stop{{"bad-yaml", position, {"manifest.expected-alias", {}}, {found, {}}, {"manifest.mend-alias", {}}}};
  }
  spend(at->second->weight, position);
  place(at->second, position);
}

void TreeBuilder::open(Node::Type type, Position position, std::string_view anchor) {
  if (open_.size() >= max_depth) throw Stop{too_deep(position)};
  Node* node = tree_.node();
  node->type = type;
  node->position = position;
  Open open;
  open.node = node;
  open.anchor = anchor;
  open.first = type == Node::Type::sequence ? items_.size() : members_.size();
  if (!anchor.empty()) anchors_.insert_or_assign(std::string(anchor), nullptr);
  open_.push_back(std::move(open));
}

void TreeBuilder::close() {
  Open done = std::move(open_.back());
  for (const auto& [source, position] : done.merges) merge(done, source, position);
  open_.pop_back();
  if (done.node->type == Node::Type::sequence) {
    done.node->items = tree_.keep(std::span<const NodePtr>(items_).subspan(done.first));
    items_.resize(done.first);
  } else {
    done.node->members = tree_.keep(std::span<const Member>(members_).subspan(done.first));
    members_.resize(done.first);
  }
  if (!done.anchor.empty()) anchors_.insert_or_assign(std::string(done.anchor), done.node);
  place(done.node, done.node->position);
}

// The node becomes the root, an item, a key or a value.
void TreeBuilder::place(NodePtr node, Position position) {
  if (++nodes_ > most_nodes_) throw Stop{too_many_values(position, most_nodes_)};
  if (open_.empty()) {
    root_ = node;
    return;
  }
  Open& parent = open_.back();
  if (parent.node->type == Node::Type::sequence) {
    parent.node->weight += node->weight;
    items_.push_back(node);
    return;
  }
  if (parent.has_key) return place_value(parent, node);
  if (!node->is_scalar() || node->type == Node::Type::null) fail_key(position);
  parent.has_key = true;
  parent.key = node->text;
  parent.key_quoted = node->quoted;
  parent.key_position = position;
}

void TreeBuilder::place_value(Open& parent, NodePtr node) {
  parent.has_key = false;
  parent.node->weight += node->weight;
  if (parent.key == "<<" && !parent.key_quoted) {
    parent.merges.emplace_back(node, parent.key_position);
    return;
  }
  if (fresh(parent, parent.key)) {
    members_.push_back({parent.key, parent.key_position, node});
    return;
  }
  const Member* member = met(parent, parent.key);
  std::string key(parent.key);
  flaws_.push_back({"duplicate-key",
                    parent.key_position,
                    {"manifest.expected-key-once", {key}},
                    {"manifest.found-key-twice", {key, member ? std::to_string(member->key_position.line) : ""}},
                    {"manifest.mend-key-once", {}}});
  if (flaws_.size() > 100) throw Stop{flaws_.back()};
}

const Member* TreeBuilder::met(const Open& open, std::string_view key) const {
  for (std::size_t i = open.first; i < members_.size(); ++i)
    if (members_[i].key == key) return &members_[i];
  return nullptr;
}

// Whether the mapping, the innermost one, has no such key yet.
bool TreeBuilder::fresh(Open& open, std::string_view key) {
  std::size_t count = members_.size() - open.first;
  if (count < few_keys) return !met(open, key);
  if (open.keys.empty())
    for (std::size_t i = open.first; i < members_.size(); ++i) open.keys.insert(members_[i].key);
  return open.keys.insert(key).second;
}

// `<<: *a` and `<<: [*a, *b]`: members of a that are not written here; the earlier source wins.
void TreeBuilder::merge(Open& into, NodePtr source, Position position) {
  if (source->type == Node::Type::sequence) {
    for (NodePtr item : source->items) {
      if (item->type != Node::Type::mapping) fail_merge(position);
      merge(into, item, position);
    }
    return;
  }
  if (source->type != Node::Type::mapping) fail_merge(position);
  for (const Member& member : source->members) {
    spend(1, position);
    if (fresh(into, member.key)) members_.push_back(member);
  }
}

void TreeBuilder::spend(std::uint64_t nodes, Position position) {
  spent_ += nodes;
  if (spent_ > max_expansion)
    throw Stop{{"too-many-aliases",
                position,
                {"manifest.expected-expansion", {std::to_string(max_expansion)}},
                {"manifest.found-expansion", {}},
                {"manifest.mend-expansion", {}}}};
}

}  // namespace bailey::manifest
