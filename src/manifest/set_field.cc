// set_fields(): the edits that put a value into a field of a document, one line each.
//
// The path is walked through the tree as far as it exists. What is left of it are the keys to write, at the head of the
// mapping in which the walk ended, in that mapping's own style.
#include <algorithm>

#include "manifest/load.h"
#include "manifest/manifest.h"
#include "manifest/parse.h"
#include "manifest/reader.h"
#include "manifest/upgrade.h"
#include "model/object.h"

namespace bailey::manifest {
namespace {

using model::InputError;

std::string scalar_at(const Node& node, std::string_view key) {
  const Member* member = node.type == Node::Type::mapping ? node.find(key) : nullptr;
  return member && member->value->is_scalar() ? std::string(member->value->text) : std::string();
}

// "Cluster/east", or "" where the document is no object.
std::string object_name(const Node& root) {
  const Member* metadata = root.type == Node::Type::mapping ? root.find("metadata") : nullptr;
  std::string kind = scalar_at(root, "kind");
  for (const model::KindInfo& row : model::kinds()) {
    if (row.name != kind || !metadata) continue;
    std::string ns = scalar_at(*metadata->value, "namespace");
    if (row.namespaced && ns.empty()) ns = "default";
    return model::ObjectRef{row.kind, row.namespaced ? ns : "", scalar_at(*metadata->value, "name")}.text();
  }
  return "";
}

// Where a walk along a path ended: the node, and what is left of the path (without a leading dot).
struct Walk {
  const Node* node;
  std::string_view rest;
};

Walk walk(const Node& root, std::string_view path) {
  Walk at{&root, path};
  while (!at.rest.empty()) {
    if (at.rest[0] == '[') {
      std::size_t close = at.rest.find(']');
      std::size_t index = std::stoul(std::string(at.rest.substr(1, close - 1)));
      if (at.node->type != Node::Type::sequence || index >= at.node->items.size()) return at;
      at.node = at.node->items[index];
      at.rest.remove_prefix(close + 1);
    } else {
      const Member* next = nullptr;
      if (at.node->type != Node::Type::mapping) return at;
      for (const Member& member : at.node->members) {
        bool begins = at.rest.starts_with(member.key);
        char after = begins && at.rest.size() > member.key.size() ? at.rest[member.key.size()] : '.';
        if (begins && (after == '.' || after == '[') && (!next || member.key.size() > next->key.size())) next = &member;
      }
      if (!next) return at;
      at.node = next->value;
      at.rest.remove_prefix(next->key.size());
    }
    if (!at.rest.empty() && at.rest[0] == '.') at.rest.remove_prefix(1);
  }
  return at;
}

// Keys below these are anybody's, and may hold dots.
bool holds_labels(std::string_view key) {
  return key == "nodeSelector" || key == "labels" || key == "annotations" || key == "matchLabels";
}

// The keys of a path that is still to be written; empty where it leads through a list.
std::vector<std::string> keys_of(std::string_view path) {
  std::vector<std::string> out;
  if (path.find('[') != std::string_view::npos) return out;
  while (!path.empty()) {
    std::size_t dot = path.find('.');
    std::string_view key = path.substr(0, dot);
    bool label = path.find('/') != std::string_view::npos && !holds_labels(key) &&
                 path.find(".nodeSelector.") == std::string_view::npos;
    bool last = dot == std::string_view::npos || (!out.empty() && holds_labels(out.back())) || label;
    out.emplace_back(last ? path : key);
    path = last ? std::string_view{} : path.substr(dot + 1);
  }
  return out;
}

std::string written(std::string_view value, bool quoted) {
  bool needs = quoted || value.find_first_of(":#{}[],&*!|>'\"%@` ") != std::string_view::npos;
  bool literal = value == "true" || value == "false";
  return needs && !literal ? "\"" + std::string(value) + "\"" : std::string(value);
}

std::optional<Edit> edit_of(const TextLines& lines, const Node& root, const FieldValue& wanted) {
  Walk end = walk(root, wanted.field);
  const Node& node = *end.node;
  if (node.position.line == 0 || node.position.line > lines.lines.size()) return std::nullopt;
  std::size_t line = node.position.line - 1;
  std::size_t at = byte_column(lines.lines[line], node.position.column);
  if (end.rest.empty()) {
    std::size_t length = node.is_scalar() ? scalar_length(lines.lines[line], at, node) : 0;
    if (length == 0) return std::nullopt;
    char quote = lines.lines[line][at];
    std::string value = quote == '"' || quote == '\'' ? quote + wanted.value + quote : written(wanted.value, false);
    return Edit{line, at, length, value, false};
  }
  std::vector<std::string> keys = keys_of(end.rest);
  if (keys.empty() || node.type != Node::Type::mapping) return std::nullopt;
  bool flow = lines.lines[line].substr(at, 1) == "{";
  if (flow) {
    bool json =
        !node.members.empty() && node.members.front().key_position.line == node.position.line &&
        lines.lines[line].substr(byte_column(lines.lines[line], node.members.front().key_position.column), 1) == "\"";
    std::string text;
    for (const std::string& key : keys) text += (text.empty() ? "" : "{") + (json ? "\"" + key + "\"" : key) + ": ";
    text += written(wanted.value, json) + std::string(keys.size() - 1, '}') + (node.members.empty() ? "" : ", ");
    return Edit{line, at + 1, 0, text, false};
  }
  if (node.members.empty()) return std::nullopt;
  model::Position first = node.members.front().key_position;
  line = first.line - 1;
  at = byte_column(lines.lines[line], first.column);
  std::string end_of_line = lines.lines[line].ends_with("\r\n") ? "\r\n" : "\n";
  std::string text;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    text += keys[i] + ":";
    if (i + 1 < keys.size()) text += end_of_line + std::string(at + 2 * (i + 1), ' ');
  }
  return Edit{line, at, 0, text + " " + written(wanted.value, false) + end_of_line + std::string(at, ' '), false};
}

std::size_t mistakes_in(const std::string& file, const std::string& text) {
  Options options;
  Loader loader(options);
  loader.read(file, text);
  Loaded loaded = loader.take();
  return static_cast<std::size_t>(
      std::count_if(loaded.errors.begin(), loaded.errors.end(),
                    [](const InputError& error) { return error.severity == InputError::Severity::error; }));
}

InputError note_of(const Document& document, const FieldValue& value, model::Position position) {
  InputError note;
  note.severity = InputError::Severity::warning;
  note.code = "set-field";
  note.file = document.file;
  note.position = position;
  note.object = value.object;
  note.field = value.field;
  note.expected = {"manifest.expected-set", {value.field + ": " + value.value}};
  note.found = {"manifest.found-other", {}};
  note.mend = {"manifest.mended-set", {value.field + ": " + value.value}};
  return note;
}

}  // namespace

Mended set_fields(const Document& document, const std::vector<FieldValue>& values) {
  Mended out{document.text, {}, false};
  if (values.empty() || check_text(document.text)) return out;
  std::string text;
  for (const Chunk& chunk : split_documents(document.text)) {
    std::string own(chunk.text);
    for (const FieldValue& value : values) {
      if (chunk.blank) break;
      Parsed parsed = parse_document({1, own, false});
      if (!parsed.root || !parsed.flaws.empty() || object_name(*parsed.root) != value.object) continue;
      TextLines lines = TextLines::of(own, chunk.first_line);
      std::optional<Edit> edit = edit_of(lines, *parsed.root, value);
      if (!edit || !apply(lines, {*edit})) continue;
      std::string changed = lines.text();
      if (!parse_document({1, changed, false}).flaws.empty() ||
          mistakes_in(document.file, changed) > mistakes_in(document.file, own))
        continue;
      out.mended.push_back(note_of(document, value, {chunk.first_line + static_cast<std::uint32_t>(edit->line), 1}));
      out.changed = true;
      own = std::move(changed);
    }
    text += own;
  }
  if (!out.changed) return out;
  bool mark = document.text.starts_with("\xEF\xBB\xBF") && !text.starts_with("\xEF\xBB\xBF");
  out.text = (mark ? "\xEF\xBB\xBF" : "") + text;
  return out;
}

}  // namespace bailey::manifest
