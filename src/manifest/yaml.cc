// libyaml's events -> a tree. The only file that knows libyaml.
//
// libyaml asks for tokens one by one and keeps its own stack on the heap, so nothing deep is ever walked before the
// builder refuses it. Its marks count characters from 0; its lines also end at a lone carriage return and at the
// line ends of Unicode, which ours do not, so a text that has such is looked up in a table.
#include <yaml.h>

#include <algorithm>

#include "manifest/tree_builder.h"

namespace bailey::manifest {
namespace {

using model::Position;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The bytes of a line end that libyaml counts at `at`, 0 where there is none.
std::size_t line_end_at(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(at);
  if (rest.starts_with("\r\n")) return 2;
  if (rest[0] == '\n' || rest[0] == '\r') return 1;
  if (rest.starts_with("\xC2\x85")) return 2;
  return rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9") ? 3 : 0;
}

bool has_other_line_ends(std::string_view text) {
  for (std::size_t at = text.find('\r'); at != std::string_view::npos; at = text.find('\r', at + 1))
    if (text.substr(at, 2) != "\r\n") return true;
  for (const char* end : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"})
    if (text.find(end) != std::string_view::npos) return true;
  return false;
}

class Marks {
 public:
  Marks(std::string_view text, const LineNumbers& numbers) : numbers_(numbers) {
    if (!has_other_line_ends(text)) return;
    std::size_t line = 0;
    std::uint32_t column = 0;
    starts_.push_back({line, column});
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = line_end_at(text, at);
      std::size_t next = at + std::max<std::size_t>(end, 1);
      for (std::size_t i = at; i < next; ++i)
        if (!continues(text[i])) ++column;
      if (end > 0 && text[next - 1] == '\n') {
        ++line;
        column = 0;
      }
      if (end > 0) starts_.push_back({line, column});
      at = next;
    }
  }

  Position at(const yaml_mark_t& mark) const { return at(mark.line, mark.column); }
  // The character before a mark.
  Position before(const yaml_mark_t& mark) const { return at(mark.line, mark.column == 0 ? 0 : mark.column - 1); }

 private:
  struct Start {
    std::size_t line;      // as we count them
    std::uint32_t column;  // characters before, on our line
  };
  Position at(std::size_t line, std::size_t column) const {
    auto characters = static_cast<std::uint32_t>(column);
    if (starts_.empty()) return {numbers_.of(line), characters + 1};
    const Start& start = starts_[std::min(line, starts_.size() - 1)];
    return {numbers_.of(start.line), start.column + characters + 1};
  }

  const LineNumbers& numbers_;
  std::vector<Start> starts_;  // of libyaml's lines; empty where they are ours
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }

  bool next() {
    yaml_event_delete(&event_);
    return yaml_parser_parse(&parser_, &event_) != 0;
  }
  const yaml_event_t& event() const { return event_; }
  std::string_view problem() const { return parser_.problem ? parser_.problem : ""; }
  std::string_view context() const { return parser_.context ? parser_.context : ""; }
  const yaml_mark_t& problem_mark() const { return parser_.problem_mark; }
  const yaml_mark_t& context_mark() const { return parser_.context_mark; }
  // What stands at a mark, to the end of the text. Walks the text: for messages only.
  std::string_view text_at(const yaml_mark_t& mark) const {
    std::size_t characters = 0;
    for (std::size_t at = 0; at < text_.size(); ++at)
      if (!continues(text_[at]) && characters++ == mark.index) return text_.substr(at);
    return {};
  }

 private:
  std::string_view text_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
};

// libyaml's own words, grouped into ours.
struct Translation {
  std::string_view problem;
  std::string_view expected;
  std::string_view found;
  std::string_view mend;
};
constexpr Translation translations[] = {
    {"mapping values are not allowed", "manifest.expected-yaml", "manifest.found-map-value", "manifest.mend-map-value"},
    {"mapping keys are not allowed", "manifest.expected-yaml", "manifest.found-map-key", "manifest.mend-indentation"},
    {"block sequence entries are not allowed", "manifest.expected-yaml", "manifest.found-block-entry",
     "manifest.mend-indentation"},
    {"found a tab character", "manifest.expected-spaces", "manifest.found-tab", "manifest.mend-tab"},
    {"did not find expected key", "manifest.expected-yaml", "manifest.found-broken-map", "manifest.mend-indentation"},
    {"could not find expected ':'", "manifest.expected-yaml", "manifest.found-broken-map", "manifest.mend-indentation"},
    {"did not find expected '-' indicator", "manifest.expected-yaml", "manifest.found-broken-list",
     "manifest.mend-indentation"},
    {"did not find expected ',' or '}'", "manifest.expected-close-brace", "manifest.found-no-comma",
     "manifest.mend-close-brace"},
    {"did not find expected ',' or ']'", "manifest.expected-close-bracket", "manifest.found-no-comma",
     "manifest.mend-close-bracket"},
    {"found unexpected end of stream", "manifest.expected-close-quote", "manifest.found-end",
     "manifest.mend-close-quote"},
    {"found unexpected document indicator", "manifest.expected-close-quote", "manifest.found-end",
     "manifest.mend-close-quote"},
    {"found character that cannot start any token", "manifest.expected-yaml", "manifest.found-token",
     "manifest.mend-token"},
    {"did not find expected node content", "manifest.expected-yaml", "manifest.found-token", "manifest.mend-token"},
    {"found unknown escape character", "manifest.expected-escape", "manifest.found-escape", "manifest.mend-escape"},
    {"did not find expected hexdecimal number", "manifest.expected-escape", "manifest.found-escape",
     "manifest.mend-escape"},
    {"found invalid Unicode character escape", "manifest.expected-escape", "manifest.found-escape",
     "manifest.mend-escape"},
    {"did not find expected <document start>", "manifest.expected-one-document", "manifest.found-second-document",
     "manifest.mend-indentation"},
};

Flaw flaw_with(Position position, std::string_view expected, base::Message found, std::string_view mend) {
  return {"bad-yaml", position, {std::string(expected), {}}, std::move(found), {std::string(mend), {}}};
}

Flaw translate(const Parser& parser, const Marks& marks) {
  std::string_view problem = parser.problem();
  bool key = problem.starts_with("could not find");
  Position position = marks.at(key ? parser.context_mark() : parser.problem_mark());
  std::string_view rest = parser.text_at(parser.problem_mark());
  char first = rest.empty() ? '\0' : rest[0];
  if (problem.starts_with("found character that cannot start") && first == '\t')
    return flaw_with(position, "manifest.expected-spaces", {"manifest.found-tab", {}}, "manifest.mend-tab");
  if (problem.starts_with("did not find expected node content") && (first == ']' || first == '}'))
    return flaw_with(position, "manifest.expected-yaml", {"manifest.found-flow-end", {}}, "manifest.mend-brackets");
  // An unknown escape is marked at its backslash; it is pointed at behind its letter.
  if (problem.starts_with("found unknown escape")) position.column += 2;
  for (const Translation& row : translations) {
    if (!problem.starts_with(row.problem)) continue;
    bool ended = rest.empty() && row.found == "manifest.found-no-comma";
    return flaw_with(position, row.expected, {ended ? "manifest.found-end" : std::string(row.found), {}}, row.mend);
  }
  return flaw_with(position, "manifest.expected-yaml", {"manifest.found-yaml-error", {std::string(problem)}},
                   "manifest.mend-yaml");
}

std::string_view view(const yaml_char_t* text) {
  return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view{};
}

void scalar(const yaml_event_t& event, const Marks& marks, Tree& tree, TreeBuilder& builder) {
  const auto& scalar = event.data.scalar;
  std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
  std::string_view tag = view(scalar.tag);
  std::string_view anchor = tree.keep(view(scalar.anchor));
  Position position = marks.at(event.start_mark);
  bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
  bool by_tag = tag == YAML_INT_TAG || tag == YAML_BOOL_TAG || tag == YAML_FLOAT_TAG || tag == YAML_NULL_TAG;
  if (plain && tag.empty() && text.empty()) {
    builder.missing(position, marks.before(event.start_mark), anchor);
    return;
  }
  Node::Type type = (plain && tag.empty()) || by_tag ? plain_type(text) : Node::Type::text;
  bool null = type == Node::Type::null && !by_tag;
  builder.scalar(position, type, !plain && tag.empty(), null ? std::string_view{} : tree.keep(text), anchor);
}

// One event into the tree; false at the end of the document.
bool handle(const yaml_event_t& event, const Marks& marks, Tree& tree, TreeBuilder& builder) {
  Position position = marks.at(event.start_mark);
  switch (event.type) {
    case YAML_SCALAR_EVENT: scalar(event, marks, tree, builder); return true;
    case YAML_ALIAS_EVENT: builder.alias(position, view(event.data.alias.anchor)); return true;
    case YAML_SEQUENCE_START_EVENT:
      builder.open(Node::Type::sequence, position, tree.keep(view(event.data.sequence_start.anchor)));
      return true;
    case YAML_MAPPING_START_EVENT:
      builder.open(Node::Type::mapping, position, tree.keep(view(event.data.mapping_start.anchor)));
      return true;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: builder.close(); return true;
    case YAML_DOCUMENT_END_EVENT: return false;
    default: return true;
  }
}

}  // namespace

Parsed parse_yaml(const Chunk& chunk, const LineNumbers& numbers) {
  Parsed parsed;
  parsed.tree = std::make_unique<Tree>();
  Marks marks(chunk.text, numbers);
  TreeBuilder builder(*parsed.tree, max_nodes);
  Parser parser(chunk.text);
  try {
    bool good = true;
    while ((good = parser.next()) && parser.event().type != YAML_STREAM_END_EVENT)
      if (!handle(parser.event(), marks, *parsed.tree, builder)) break;
    if (!good) throw Stop{translate(parser, marks)};
    if (parser.event().type != YAML_STREAM_END_EVENT) {
      if (!parser.next()) throw Stop{translate(parser, marks)};
      // What is left over belongs to no document.
      if (parser.event().type != YAML_STREAM_END_EVENT)
        throw Stop{flaw_with(marks.at(parser.event().start_mark), "manifest.expected-one-document",
                             {"manifest.found-second-document", {}}, "manifest.mend-indentation")};
    }
    parsed.root = builder.root();
  } catch (const Stop& stop) {
    builder.flaws().push_back(stop.flaw);
  }
  parsed.flaws = std::move(builder.flaws());
  return parsed;
}

}  // namespace bailey::manifest
