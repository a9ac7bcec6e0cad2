// yaml-cpp's events become a tree of shared nodes.
//
// A file is cut into documents first, at the lines that begin with `---` or `...` (YAML says that such a line ends a
// document wherever it stands), so that a mistake in one document leaves the others readable. The builder keeps a
// stack of open collections; its depth limit is below the depth at which yaml-cpp gives up, and yaml-cpp asks for
// tokens one by one, so nothing deep is ever walked. Aliases share nodes; each node knows its expanded weight, and a
// document whose aliases add more than max_expansion nodes is refused before anyone walks it.
#include "manifest/parse.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_set>

namespace bailey::manifest {
namespace {

using base::Message;
using model::Position;

struct Utf8Step {
  std::size_t bytes = 0;  // 0: invalid
  char32_t rune = 0;
};

Utf8Step utf8_at(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(at);
  if (lead < 0x80) return {1, lead};
  std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + bytes > text.size()) return {};
  char32_t rune = lead & (0xFF >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    rune = (rune << 6) | (byte(at + i) & 0x3F);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (rune < least[bytes] || rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) return {};
  return {bytes, rune};
}

bool printable(char32_t rune) {
  if (rune < 0x20) return rune == '\t' || rune == '\n' || rune == '\r';
  if (rune < 0x7F) return true;
  if (rune < 0xA0) return rune == 0x85;
  return rune != 0xFFFE && rune != 0xFFFF;
}

std::string hex(std::uint32_t value, int width) {
  constexpr char letters[] = "0123456789ABCDEF";
  std::string out;
  for (int i = width - 1; i >= 0; --i) out += letters[(value >> (4 * i)) & 15];
  return out;
}

std::string_view without_mark(std::string_view text) {
  return text.substr(0, 3) == "\xEF\xBB\xBF" ? text.substr(3) : text;
}

bool is_marker(std::string_view line, std::string_view marker) {
  if (line.substr(0, 3) != marker) return false;
  return line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r';
}

bool is_blank(std::string_view line) {
  std::size_t at = line.find_first_not_of(" \t\r");
  return at == std::string_view::npos || line[at] == '#';
}

// Thrown through yaml-cpp to end the parse; caught in parse_document.
struct Stop {
  Flaw flaw;
};

// Turns yaml-cpp's marks (line and byte, from 0) into positions of the file.
class Lines {
 public:
  Lines(const Chunk& chunk, const std::vector<std::uint32_t>* lines)
      : text_(chunk.text), first_(chunk.first_line), lines_(lines) {
    for (std::size_t at = 0; at != std::string_view::npos && at <= text_.size();) {
      starts_.push_back(at);
      std::size_t end = text_.find('\n', at);
      at = end == std::string_view::npos ? end : end + 1;
    }
  }

  Position at(const YAML::Mark& mark) const {
    if (mark.is_null()) return {first_, 1};
    std::size_t line = std::min(static_cast<std::size_t>(std::max(mark.line, 0)), starts_.size() - 1);
    std::size_t length = static_cast<std::size_t>(std::max(mark.column, 0));
    std::uint32_t column = column_of(line, std::min(starts_[line] + length, text_.size()));
    std::uint32_t number = first_ + static_cast<std::uint32_t>(line);
    if (lines_ && !lines_->empty()) number = (*lines_)[std::min(line, lines_->size() - 1)];
    return {number, column};
  }
  // The position of the last character before a mark that is not blank: of an empty item, its dash.
  Position before(const YAML::Mark& mark) const {
    std::size_t line = std::min(static_cast<std::size_t>(std::max(mark.line, 0)), starts_.size() - 1);
    std::size_t end = std::min(starts_[line] + static_cast<std::size_t>(std::max(mark.column, 0)), text_.size());
    std::size_t at = end == 0 ? std::string_view::npos : text_.find_last_not_of(" \t\r\n", end - 1);
    if (at == std::string_view::npos) return this->at(mark);
    auto start = std::upper_bound(starts_.begin(), starts_.end(), at) - 1;
    YAML::Mark found;
    found.line = static_cast<int>(start - starts_.begin());
    found.column = static_cast<int>(at - *start);
    return this->at(found);
  }
  std::string_view text_at(const YAML::Mark& mark) const {
    std::size_t line = static_cast<std::size_t>(std::max(mark.line, 0));
    if (line >= starts_.size()) return {};
    std::size_t at = starts_[line] + static_cast<std::size_t>(std::max(mark.column, 0));
    return at < text_.size() ? text_.substr(at) : std::string_view{};
  }

 private:
  // Characters between the start of the line and a byte, from 1. Marks come nearly in order, and a file may be one
  // line, so the count goes on from the last one, in either direction, instead of from the line's start.
  std::uint32_t column_of(std::size_t line, std::size_t byte) const {
    if (line != last_line_) {
      last_line_ = line;
      last_byte_ = starts_[line];
      last_column_ = 1;
    }
    auto begins = [&](std::size_t at) { return (static_cast<unsigned char>(text_[at]) & 0xC0) != 0x80; };
    for (; last_byte_ < byte; ++last_byte_)
      if (begins(last_byte_)) ++last_column_;
    while (last_byte_ > byte)
      if (begins(--last_byte_)) --last_column_;
    return last_column_;
  }

  std::string_view text_;
  std::uint32_t first_;
  const std::vector<std::uint32_t>* lines_;
  std::vector<std::size_t> starts_;
  mutable std::size_t last_line_ = SIZE_MAX;
  mutable std::size_t last_byte_ = 0;
  mutable std::uint32_t last_column_ = 1;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Lines& lines) : lines_(lines) {}

  NodePtr root() { return root_; }
  std::vector<Flaw>& flaws() { return flaws_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = std::make_shared<Node>();
    node->position = lines_.at(mark);
    // The mark of a value that is left out is that of whatever comes next.
    std::string_view rest = lines_.text_at(mark);
    bool written = rest.substr(0, 1) == "~" || rest.substr(0, 4) == "null" || rest.substr(0, 4) == "Null" ||
                   rest.substr(0, 4) == "NULL";
    if (!written && !open_.empty())
      node->position = open_.back().has_key ? open_.back().key_position : lines_.before(mark);
    add(node, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto at = anchors_.find(anchor);
    Position position = lines_.at(mark);
    if (at == anchors_.end())
      throw Stop{{"bad-yaml",
                  position,
                  {"manifest.expected-alias", {}},
                  {"manifest.found-alias-of-itself", {}},
                  {"manifest.mend-alias", {}}}};
    spend(at->second->weight, position);
    place(at->second, position);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = std::make_shared<Node>();
    node->position = lines_.at(mark);
    node->text = value;
    node->quoted = tag == "!";
    bool resolved_by_tag = tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:bool" ||
                           tag == "tag:yaml.org,2002:float" || tag == "tag:yaml.org,2002:null";
    node->type = tag == "?" || resolved_by_tag ? plain_type(value) : Node::Type::text;
    add(node, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(Node::Type::sequence, mark, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(Node::Type::mapping, mark, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool has_key = false;
    std::string key;
    Position key_position;
    bool key_quoted = false;
    std::unordered_set<std::string> keys;  // of mappings: those written so far
    std::vector<std::pair<NodePtr, Position>> merges;
  };

  void start(Node::Type type, const YAML::Mark& mark, YAML::anchor_t anchor) {
    Position position = lines_.at(mark);
    if (open_.size() >= max_depth)
      throw Stop{{"too-deep",
                  position,
                  {"manifest.expected-depth", {std::to_string(max_depth)}},
                  {"manifest.found-deeper", {}},
                  {"manifest.mend-depth", {}}}};
    auto node = std::make_shared<Node>();
    node->type = type;
    node->position = position;
    Open open;
    open.node = node;
    open.anchor = anchor;
    open_.push_back(std::move(open));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    for (const auto& [source, position] : done.merges) merge(done, source, position);
    if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = done.node;
    place(done.node, done.node->position);
  }

  void add(std::shared_ptr<Node> node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    Position position = node->position;
    place(std::move(node), position);
  }

  // The node becomes the root, an item, a key or a value.
  void place(NodePtr node, Position position) {
    if (++nodes_ > max_nodes)
      throw Stop{{"too-large",
                  position,
                  {"manifest.expected-nodes", {std::to_string(max_nodes)}},
                  {"manifest.found-expansion", {}},
                  {"manifest.mend-size", {}}}};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node->type == Node::Type::sequence) {
      parent.node->weight += node->weight;
      parent.node->items.push_back(std::move(node));
      return;
    }
    if (!parent.has_key) {
      if (!node->is_scalar() || node->type == Node::Type::null) fail_key(position);
      parent.has_key = true;
      parent.key = node->text;
      parent.key_quoted = node->quoted;
      parent.key_position = position;
      return;
    }
    parent.has_key = false;
    parent.node->weight += node->weight;
    if (parent.key == "<<" && !parent.key_quoted) {
      parent.merges.emplace_back(std::move(node), parent.key_position);
      return;
    }
    if (!parent.keys.insert(parent.key).second) {
      flaws_.push_back({"duplicate-key",
                        parent.key_position,
                        {"manifest.expected-key-once", {parent.key}},
                        {"manifest.found-key-twice", {parent.key, line_of(parent, parent.key)}},
                        {"manifest.mend-key-once", {}}});
      if (flaws_.size() > 100) throw Stop{flaws_.back()};
      return;
    }
    parent.node->members.push_back({parent.key, parent.key_position, std::move(node)});
  }

  static std::string line_of(const Open& open, const std::string& key) {
    const Member* member = open.node->find(key);
    return member ? std::to_string(member->key_position.line) : "";
  }

  // `<<: *a` and `<<: [*a, *b]`: members of a that are not written here; the earlier source wins.
  void merge(Open& into, const NodePtr& source, Position position) {
    if (source->type == Node::Type::sequence) {
      for (const NodePtr& item : source->items) {
        if (item->type != Node::Type::mapping) fail_merge(position);
        merge(into, item, position);
      }
      return;
    }
    if (source->type != Node::Type::mapping) fail_merge(position);
    for (const Member& member : source->members) {
      spend(1, position);
      if (!into.keys.insert(member.key).second) continue;
      into.node->members.push_back(member);
    }
  }

  [[noreturn]] static void fail_key(Position position) {
    throw Stop{{"bad-yaml",
                position,
                {"manifest.expected-key", {}},
                {"manifest.found-no-key", {}},
                {"manifest.mend-key", {}}}};
  }
  [[noreturn]] static void fail_merge(Position position) {
    throw Stop{{"bad-yaml",
                position,
                {"manifest.expected-merge", {}},
                {"manifest.found-no-mapping", {}},
                {"manifest.mend-merge", {}}}};
  }

  void spend(std::uint64_t nodes, Position position) {
    spent_ += nodes;
    if (spent_ > max_expansion)
      throw Stop{{"too-many-aliases",
                  position,
                  {"manifest.expected-expansion", {std::to_string(max_expansion)}},
                  {"manifest.found-expansion", {}},
                  {"manifest.mend-expansion", {}}}};
  }

  const Lines& lines_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
  NodePtr root_;
  std::vector<Flaw> flaws_;
  std::uint64_t spent_ = 0;
  std::uint64_t nodes_ = 0;
};

// yaml-cpp's own words, grouped into ours.
struct Translation {
  std::string_view starts_with;
  std::string_view expected;
  std::string_view found;
  std::string_view mend;
};
const Translation translations[] = {
    {YAML::ErrorMsg::MAP_VALUE, "manifest.expected-yaml", "manifest.found-map-value", "manifest.mend-map-value"},
    {YAML::ErrorMsg::MAP_KEY, "manifest.expected-yaml", "manifest.found-map-key", "manifest.mend-indentation"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "manifest.expected-yaml", "manifest.found-block-entry", "manifest.mend-indentation"},
    {YAML::ErrorMsg::TAB_IN_INDENTATION, "manifest.expected-spaces", "manifest.found-tab", "manifest.mend-tab"},
    {"end of map flow", "manifest.expected-close-brace", "manifest.found-end", "manifest.mend-close-brace"},
    {"end of sequence flow", "manifest.expected-close-bracket", "manifest.found-end", "manifest.mend-close-bracket"},
    {YAML::ErrorMsg::END_OF_MAP, "manifest.expected-yaml", "manifest.found-broken-map", "manifest.mend-indentation"},
    {YAML::ErrorMsg::END_OF_SEQ, "manifest.expected-yaml", "manifest.found-broken-list", "manifest.mend-indentation"},
    {YAML::ErrorMsg::FLOW_END, "manifest.expected-yaml", "manifest.found-flow-end", "manifest.mend-brackets"},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "manifest.expected-close-quote", "manifest.found-end", "manifest.mend-close-quote"},
    {YAML::ErrorMsg::DOC_IN_SCALAR, "manifest.expected-close-quote", "manifest.found-end", "manifest.mend-close-quote"},
    {YAML::ErrorMsg::UNKNOWN_ANCHOR, "manifest.expected-alias", "manifest.found-unknown-anchor", "manifest.mend-alias"},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "manifest.expected-yaml", "manifest.found-token", "manifest.mend-token"},
    {"unknown escape character", "manifest.expected-escape", "manifest.found-escape", "manifest.mend-escape"},
    {"bad character found while scanning hex", "manifest.expected-escape", "manifest.found-escape",
     "manifest.mend-escape"},
    {"invalid unicode", "manifest.expected-escape", "manifest.found-escape", "manifest.mend-escape"},
};

Flaw translate(const YAML::ParserException& error, const Lines& lines) {
  Position position = lines.at(error.mark);
  for (const Translation& row : translations)
    if (std::string_view(error.msg).substr(0, row.starts_with.size()) == row.starts_with)
      return {"bad-yaml",
              position,
              {std::string(row.expected), {}},
              {std::string(row.found), {}},
              {std::string(row.mend), {}}};
  return {"bad-yaml",
          position,
          {"manifest.expected-yaml", {}},
          {"manifest.found-yaml-error", {error.msg}},
          {"manifest.mend-yaml", {}}};
}

}  // namespace

model::Position position_in(std::string_view text, std::size_t byte) {
  Position position{1, 1};
  for (std::size_t i = 0; i < byte && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

std::optional<Flaw> check_text(std::string_view text) {
  if (text.size() > max_file_bytes)
    return Flaw{"too-large",
                {1, 1},
                {"manifest.expected-size", {std::to_string(max_file_bytes >> 20)}},
                {"manifest.found-size", {std::to_string((text.size() + (1u << 20) - 1) >> 20)}},
                {"manifest.mend-size", {}}};
  std::string_view body = without_mark(text);
  for (std::size_t at = 0; at < body.size();) {
    unsigned char byte = static_cast<unsigned char>(body[at]);
    if (byte >= 0x20 && byte < 0x7F) {
      ++at;
      continue;
    }
    Utf8Step step = utf8_at(body, at);
    if (step.bytes == 0)
      return Flaw{"bad-encoding",
                  position_in(body, at),
                  {"manifest.expected-utf8", {}},
                  {"manifest.found-byte", {"0x" + hex(byte, 2)}},
                  {"manifest.mend-utf8", {}}};
    if (!printable(step.rune))
      return Flaw{"control-character",
                  position_in(body, at),
                  {"manifest.expected-printable", {}},
                  {"manifest.found-control", {"U+" + hex(step.rune, 4)}},
                  {"manifest.mend-control", {}}};
    at += step.bytes;
  }
  return std::nullopt;
}

std::vector<Chunk> split_documents(std::string_view text) {
  text = without_mark(text);
  std::vector<Chunk> chunks;
  std::size_t start = 0;
  std::uint32_t start_line = 1;
  bool blank = true;        // only comments, directives and markers so far
  bool has_marker = false;  // the chunk has its `---`
  std::uint32_t line_number = 1;
  std::size_t at = 0;
  auto cut = [&](std::size_t end, std::uint32_t next_line) {
    if (end > start) chunks.push_back({start_line, text.substr(start, end - start), blank});
    start = end;
    start_line = next_line;
    blank = true;
    has_marker = false;
  };
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    std::size_t next = end == std::string_view::npos ? text.size() : end + 1;
    std::string_view line = text.substr(at, (end == std::string_view::npos ? text.size() : end) - at);
    if (is_marker(line, "---")) {
      if (!blank || has_marker) cut(at, line_number);
      has_marker = true;
      if (!is_blank(line.substr(3))) blank = false;
    } else if (is_marker(line, "...")) {
      cut(next, line_number + 1);
    } else if (blank && !is_blank(line) && !(line[0] == '%' && !has_marker)) {
      blank = false;
    }
    at = next;
    ++line_number;
  }
  cut(text.size(), line_number);
  return chunks;
}

Parsed parse_document(const Chunk& chunk, const std::vector<std::uint32_t>* line_map) {
  Parsed parsed;
  if (chunk.blank) return parsed;
  Lines lines(chunk, line_map);
  TreeBuilder builder(lines);
  try {
    std::istringstream stream{std::string(chunk.text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    parsed.root = builder.root();
    // What is left over belongs to no document: yaml-cpp stops at the first thing that does not fit.
    TreeBuilder rest(lines);
    if (parser.HandleNextDocument(rest) && rest.root())
      throw Stop{{"bad-yaml",
                  rest.root()->position,
                  {"manifest.expected-one-document", {}},
                  {"manifest.found-second-document", {}},
                  {"manifest.mend-indentation", {}}}};
  } catch (const Stop& stop) {
    builder.flaws().push_back(stop.flaw);
    parsed.root = nullptr;
  } catch (const YAML::ParserException& error) {
    builder.flaws().push_back(translate(error, lines));
    parsed.root = nullptr;
  }
  parsed.flaws = std::move(builder.flaws());
  return parsed;
}

}  // namespace bailey::manifest
