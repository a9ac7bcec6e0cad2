// What the YAML and the JSON reader share: events in the order of the text -> a Tree, with its limits kept.
//
// Texts handed in must live as long as the tree (views into the document, or kept by the tree). The builder keeps one
// stack of open collections and two of what they hold so far; a collection that closes is copied into the tree in one
// piece. Internal to manifest/.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "manifest/node.h"
#include "manifest/parse.h"

namespace bailey::manifest {

// Thrown to end the reading of a document; caught by its reader.
struct Stop {
  Flaw flaw;
};

// Lines of a chunk (from 0) as lines of the file.
class LineNumbers {
 public:
  LineNumbers(const Chunk& chunk, const std::vector<std::uint32_t>* lines)
      : first_(chunk.first_line), lines_(lines && !lines->empty() ? lines : nullptr) {}
  std::uint32_t of(std::size_t line) const {
    if (lines_) return (*lines_)[line < lines_->size() ? line : lines_->size() - 1];
    return first_ + static_cast<std::uint32_t>(line);
  }

 private:
  std::uint32_t first_;
  const std::vector<std::uint32_t>* lines_;
};

class TreeBuilder {
 public:
  TreeBuilder(Tree& tree, std::uint64_t most_nodes) : tree_(tree), most_nodes_(most_nodes) {}

  // `anchor` is "" where there is none. Each of these throws Stop where a limit is passed.
  void scalar(model::Position position, Node::Type type, bool quoted, std::string_view text,
              std::string_view anchor = {});
  // A value that is left out; `before` is where the indicator stands after which it is missing.
  void missing(model::Position position, model::Position before, std::string_view anchor);
  void alias(model::Position position, std::string_view name);
  void open(Node::Type type, model::Position position, std::string_view anchor = {});
  void close();
  void deferred(model::Position position, std::string_view text);

  NodePtr root() const { return root_; }
  std::vector<Flaw>& flaws() { return flaws_; }
  std::size_t depth() const { return open_.size(); }

 private:
  struct Open {
    Node* node = nullptr;
    std::string_view anchor;
    std::size_t first = 0;  // of its items or members on the stack
    bool has_key = false;
    bool key_quoted = false;
    std::string_view key;
    model::Position key_position;
    std::unordered_set<std::string_view> keys;  // of mappings with many members: those so far
    std::vector<std::pair<NodePtr, model::Position>> merges;
  };

  void add(Node* node, std::string_view anchor);
  void place(NodePtr node, model::Position position);
  void place_value(Open& parent, NodePtr node);
  bool fresh(Open& open, std::string_view key);
  const Member* met(const Open& open, std::string_view key) const;
  void merge(Open& into, NodePtr source, model::Position position);
  void spend(std::uint64_t nodes, model::Position position);

  Tree& tree_;
  std::uint64_t most_nodes_;
  std::vector<Open> open_;
  std::vector<NodePtr> items_;
  std::vector<Member> members_;
  std::map<std::string, NodePtr, std::less<>> anchors_;  // null while the anchored collection is open
  NodePtr root_ = nullptr;
  std::vector<Flaw> flaws_;
  std::uint64_t spent_ = 0;
  std::uint64_t nodes_ = 0;
};

// The readers.
Parsed parse_yaml(const Chunk& chunk, const LineNumbers& numbers);
struct JsonParsed {
  Parsed parsed;
  bool is_json = true;  // false: the text breaks JSON's grammar; flaws then holds where and how
};
// `first_column`: of the chunk's first character on its line. `defer_items`: see Parsed.
JsonParsed parse_json(const Chunk& chunk, const LineNumbers& numbers, std::uint32_t first_column, bool defer_items);

Flaw too_deep(model::Position position);
Flaw too_many_values(model::Position position, std::uint64_t most);

}  // namespace bailey::manifest
