// What is old in a document and how its lines are written today.
//
// Block style is edited line by line and keeps the document's own indentation step; a flow-style backend on one line is
// rewritten as a whole. A shape that is neither (JSON over several lines) is left alone, and then the apiVersion stays
// as well: a half-upgraded document would not load.
#include "manifest/upgrade.h"

#include <algorithm>

#include "base/strings.h"
#include "manifest/node.h"
#include "manifest/parse.h"
#include "manifest/reader.h"
#include "manifest/values.h"
#include "model/object.h"

namespace bailey::manifest {
namespace {

using base::Message;
using model::InputError;
using model::Kind;
using model::Position;

constexpr std::string_view class_annotation = "kubernetes.io/ingress.class";

std::string_view line_end(std::string_view line) {
  if (line.ends_with("\r\n")) return "\r\n";
  return "\n";
}

class Upgrade {
 public:
  Upgrade(std::string file, const TextLines& lines, std::vector<InputError>& notes)
      : file_(std::move(file)), lines_(lines), notes_(notes) {}

  bool possible() const { return possible_; }
  std::vector<Edit> take() { return std::move(edits_); }

  void run(const Node& root);

 private:
  struct Spot {
    std::size_t line;
    std::size_t column;
  };
  Spot spot(Position position) const {
    std::size_t line = position.line - 1;
    return {line, byte_column(lines_.lines[line], position.column)};
  }
  std::string_view raw(std::size_t line) const { return lines_.lines[line]; }
  void note(std::string code, Position at, std::string path, Message expected, Message found, Message mend) {
    InputError error;
    error.severity = InputError::Severity::warning;
    error.code = std::move(code);
    error.file = file_;
    error.position = {lines_.origins[at.line - 1], at.column};
    error.object = object_;
    error.field = std::move(path);
    error.expected = std::move(expected);
    error.found = std::move(found);
    error.mend = std::move(mend);
    notes_.push_back(std::move(error));
  }

  void set_api_version(const Node& root, std::string_view current);
  void ingress(const Node& root);
  void backend(const Member& member, std::size_t parent_column, const std::string& path);
  void block_backend(const Node& node, std::size_t parent_column);
  void flow_backend(const Node& node);
  void ingress_path(const Node& item, const std::string& path);
  void class_of(const Node& root, const Node& spec);
  std::string value_text(const Node& node) const;
  bool ends_line(const Node& value) const;

  std::string file_;
  const TextLines& lines_;
  std::vector<InputError>& notes_;
  std::vector<Edit> edits_;
  std::string object_;
  bool possible_ = true;
};

// The scalar as written, or "" where it does not end on its line.
std::string Upgrade::value_text(const Node& node) const {
  Spot at = spot(node.position);
  std::size_t length = scalar_length(raw(at.line), at.column, node);
  return std::string(raw(at.line).substr(at.column, length));
}

bool Upgrade::ends_line(const Node& value) const {
  Spot at = spot(value.position);
  std::size_t length = scalar_length(raw(at.line), at.column, value);
  if (length == 0) return false;
  std::string_view rest = base::trim(raw(at.line).substr(at.column + length));
  return rest.empty() || rest[0] == '#';
}

void Upgrade::set_api_version(const Node& root, std::string_view current) {
  const Member* member = root.find("apiVersion");
  std::string wanted(current);
  if (member && member->value->type == Node::Type::text) {
    Spot at = spot(member->value->position);
    std::size_t length = scalar_length(raw(at.line), at.column, *member->value);
    if (length == 0) {
      possible_ = false;
      return;
    }
    edits_.push_back({at.line, at.column, length, wanted, false});
    note("old-api-version", member->value->position, "apiVersion", {"manifest.expected-api-version", {wanted}},
         found_of(*member->value), {"manifest.mended-api-version", {wanted}});
    return;
  }
  const Member* kind = root.find("kind");
  bool block = !root.members.empty() && (raw(root.position.line - 1).substr(spot(root.position).column, 1) != "{");
  if (member || !block || !kind) {
    possible_ = false;
    return;
  }
  Spot at = spot(kind->key_position);
  std::string indent(at.column, ' ');
  edits_.push_back(
      {at.line, at.column, 0, "apiVersion: " + wanted + std::string(line_end(raw(at.line))) + indent, false});
  note("missing-api-version", kind->key_position, "apiVersion", {"manifest.expected-field", {"apiVersion"}},
       {"manifest.found-no-api-version", {std::string(kind->value->text)}},
       {"manifest.mended-added", {"apiVersion: " + wanted}});
}

void Upgrade::block_backend(const Node& node, std::size_t parent_column) {
  const Member* service = node.find("serviceName");
  const Member* port = node.find("servicePort");
  Spot first = spot(service->key_position);
  Spot second = spot(port->key_position);
  bool own_lines = first.line != second.line && first.column == second.column &&
                   service->value->position.line == service->key_position.line &&
                   port->value->position.line == port->key_position.line && ends_line(*service->value) &&
                   ends_line(*port->value) && base::trim(raw(first.line).substr(0, first.column)).empty() &&
                   base::trim(raw(second.line).substr(0, second.column)).empty();
  if (!own_lines) {
    possible_ = false;
    return;
  }
  std::size_t step = first.column > parent_column ? first.column - parent_column : 2;
  std::string indent(first.column, ' ');
  std::string inner(first.column + step, ' ');
  std::string deepest(first.column + 2 * step, ' ');
  std::string end(line_end(raw(first.line)));
  std::string header = "service:" + end;
  bool numeric = base::parse_number(port->value->text, 65535).has_value();
  std::string port_value = numeric ? std::string(port->value->text) : value_text(*port->value);
  Spot port_at = spot(port->value->position);
  std::size_t port_length = scalar_length(raw(port_at.line), port_at.column, *port->value);
  bool service_first = first.line < second.line;
  edits_.push_back({first.line, first.column, std::string_view("serviceName").size(),
                    (service_first ? header + inner : std::string(step, ' ')) + "name", false});
  edits_.push_back({second.line, second.column, port_at.column + port_length - second.column,
                    (service_first ? std::string(step, ' ') : header + inner) + "port:" + end + deepest +
                        (numeric ? "number: " : "name: ") + port_value,
                    false});
}

void Upgrade::flow_backend(const Node& node) {
  const Member* service = node.find("serviceName");
  const Member* port = node.find("servicePort");
  Spot at = spot(node.position);
  std::string_view line = raw(at.line);
  std::size_t close = line.find('}', at.column);
  bool one_line = close != std::string_view::npos && service->value->position.line == node.position.line &&
                  port->value->position.line == node.position.line && line.find('{', at.column + 1) > close;
  if (!one_line) {
    possible_ = false;
    return;
  }
  bool numeric = base::parse_number(port->value->text, 65535).has_value();
  bool quoted_keys = line.substr(at.column, close - at.column).find("\"serviceName\"") != std::string_view::npos;
  auto key = [&](std::string_view name) {
    return quoted_keys ? "\"" + std::string(name) + "\": " : std::string(name) + ": ";
  };
  std::string text = "{" + key("service") + "{" + key("name") + value_text(*service->value) + ", " + key("port") + "{" +
                     key(numeric ? "number" : "name") +
                     (numeric ? std::string(port->value->text) : value_text(*port->value)) + "}}}";
  edits_.push_back({at.line, at.column, close + 1 - at.column, text, false});
}

void Upgrade::backend(const Member& member, std::size_t parent_column, const std::string& path) {
  const Node& node = *member.value;
  if (node.type != Node::Type::mapping || (!node.find("serviceName") && !node.find("servicePort"))) return;
  bool convertible = node.members.size() == 2 && node.find("serviceName") && node.find("servicePort") &&
                     node.find("serviceName")->value->is_scalar() && node.find("servicePort")->value->is_scalar();
  if (!convertible) {
    possible_ = false;
    return;
  }
  bool flow = raw(node.position.line - 1).substr(spot(node.position).column, 1) == "{";
  if (flow)
    flow_backend(node);
  else
    block_backend(node, parent_column);
  note("old-field", node.find("serviceName")->key_position, path, {"manifest.expected-v1-backend", {}},
       {"manifest.found-field", {quoted("serviceName")}}, {"manifest.mended-backend", {}});
}

void Upgrade::ingress_path(const Node& item, const std::string& path) {
  if (item.type != Node::Type::mapping || item.members.empty()) return;
  if (const Member* found = item.find("backend")) backend(*found, spot(found->key_position).column, path + ".backend");
  if (item.find("pathType")) return;
  const Member* written = item.find("path");
  bool plain = !written || (written->value->type == Node::Type::text && !written->value->text.empty() &&
                            written->value->text[0] == '/' &&
                            written->value->text.find_first_of("*()|$[]^+?\\") == std::string::npos);
  std::string type = plain ? "Prefix" : "ImplementationSpecific";
  const Member& anchor = written ? *written : item.members.front();
  Spot at = spot(anchor.key_position);
  std::string indent(at.column, ' ');
  std::string end(line_end(raw(at.line)));
  bool flow = raw(item.position.line - 1).substr(spot(item.position).column, 1) == "{";
  std::string text = flow ? (written ? "pathType: " + type + ", " : "path: /, pathType: " + type + ", ")
                          : (written ? "" : "path: /" + end + indent) + "pathType: " + type + end + indent;
  if (written && !flow && ends_line(*written->value)) {
    // Behind the path, where people look for it.
    Spot value = spot(written->value->position);
    std::size_t body = raw(value.line).size() - (raw(value.line).ends_with("\r\n") ? 2
                                                 : raw(value.line).ends_with('\n') ? 1
                                                                                   : 0);
    edits_.push_back({value.line, body, 0, end + indent + "pathType: " + type, false});
  } else {
    edits_.push_back({at.line, at.column, 0, text, false});
  }
  note("missing-field", anchor.key_position, path + ".pathType", {"manifest.expected-field", {"pathType"}},
       {"manifest.found-nothing", {}}, {"manifest.mended-added", {"pathType: " + type}});
}

// The class annotation becomes spec.ingressClassName where its value may stand there.
void Upgrade::class_of(const Node& root, const Node& spec) {
  const Member* metadata = root.find("metadata");
  const Member* annotations = metadata ? metadata->value->find("annotations") : nullptr;
  const Member* written = annotations ? annotations->value->find(class_annotation) : nullptr;
  if (!written || written->value->type != Node::Type::text || !is_dns_subdomain(written->value->text)) return;
  if (spec.find("ingressClassName") || spec.members.empty() || !ends_line(*written->value)) return;
  Spot key = spot(written->key_position);
  Spot first = spot(spec.members.front().key_position);
  bool blocks = written->value->position.line == written->key_position.line &&
                base::trim(raw(key.line).substr(0, key.column)).empty() &&
                base::trim(raw(first.line).substr(0, first.column)).empty();
  bool alone = annotations->value->members.size() == 1;
  Spot header = spot(annotations->key_position);
  if (alone && (header.line + 1 != key.line || !base::trim(raw(header.line).substr(0, header.column)).empty())) return;
  if (!blocks || key.line == header.line) return;
  edits_.push_back({key.line, 0, 0, "", true});
  if (alone) edits_.push_back({header.line, 0, 0, "", true});
  std::string indent(first.column, ' ');
  edits_.push_back(
      {first.line, first.column, 0,
       "ingressClassName: " + std::string(written->value->text) + std::string(line_end(raw(first.line))) + indent,
       false});
  note("old-field", written->key_position, "metadata.annotations." + std::string(class_annotation),
       {"manifest.expected-field", {"spec.ingressClassName"}}, {"manifest.found-field", {quoted(class_annotation)}},
       {"manifest.mended-class", {std::string(written->value->text)}});
}

void Upgrade::ingress(const Node& root) {
  const Member* spec = root.find("spec");
  if (!spec || spec->value->type != Node::Type::mapping) return;
  if (const Member* old = spec->value->find("backend")) {
    Spot at = spot(old->key_position);
    edits_.push_back({at.line, at.column, std::string_view("backend").size(), "defaultBackend", false});
    if (raw(at.line).substr(at.column, 7) != "backend") possible_ = false;
    backend(*old, at.column, "spec.backend");
    note("old-field", old->key_position, "spec.backend", {"manifest.expected-default-backend", {}},
         {"manifest.found-field", {quoted("backend")}}, {"manifest.mended-renamed", {"defaultBackend"}});
  }
  const Member* rules = spec->value->find("rules");
  for (std::size_t i = 0; rules && i < rules->value->items.size(); ++i) {
    const Member* http = rules->value->items[i]->find("http");
    const Member* paths = http ? http->value->find("paths") : nullptr;
    for (std::size_t j = 0; paths && j < paths->value->items.size(); ++j)
      ingress_path(*paths->value->items[j],
                   "spec.rules[" + std::to_string(i) + "].http.paths[" + std::to_string(j) + "]");
  }
  class_of(root, *spec->value);
}

bool old_version(Kind kind, std::string_view version) {
  const auto& accepted = model::info(kind).api_versions;
  if (kind == Kind::Ingress) return version != accepted[0];
  constexpr std::string_view old[] = {"extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"};
  bool known_old = std::find(std::begin(old), std::end(old), version) != std::end(old);
  return version.empty() || (known_old && std::find(accepted.begin(), accepted.end(), version) == accepted.end());
}

void Upgrade::run(const Node& root) {
  const Member* kind = root.find("kind");
  const model::KindInfo* info = nullptr;
  for (const model::KindInfo& row : model::kinds())
    if (kind && row.name == kind->value->text) info = &row;
  if (!info) return;
  const Member* version = root.find("apiVersion");
  if (version && !version->value->is_scalar()) return;
  std::string written(version ? version->value->text : "");
  bool readable = written.empty() || old_version(info->kind, written) ||
                  std::find(info->api_versions.begin(), info->api_versions.end(), written) != info->api_versions.end();
  if (!readable || (info->kind == Kind::Ingress && written.find("v1") == std::string::npos && !written.empty())) return;
  const Member* metadata = root.find("metadata");
  const Member* name = metadata ? metadata->value->find("name") : nullptr;
  object_ = std::string(info->name) + (name && name->value->is_scalar() ? "/" + std::string(name->value->text) : "");
  if (old_version(info->kind, written)) set_api_version(root, info->api_versions[0]);
  if (info->kind == Kind::Ingress) ingress(root);
}

}  // namespace

std::size_t byte_column(std::string_view line, std::uint32_t column) {
  std::size_t at = 0;
  for (std::uint32_t i = 1; i < column && at < line.size(); ++i) {
    ++at;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

std::size_t scalar_length(std::string_view line, std::size_t at, const Node& node) {
  if (at >= line.size()) return 0;
  char quote = line[at];
  if (quote == '"' || quote == '\'') {
    for (std::size_t i = at + 1; i < line.size(); ++i) {
      if (quote == '"' && line[i] == '\\')
        ++i;
      else if (line[i] == quote)
        return i + 1 - at;
    }
    return 0;
  }
  return line.substr(at, node.text.size()) == node.text ? node.text.size() : 0;
}

bool apply(TextLines& lines, std::vector<Edit> edits) {
  if (edits.empty()) return false;
  std::stable_sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) {
    return a.line != b.line ? a.line > b.line : a.column > b.column;
  });
  for (std::size_t i = 1; i < edits.size(); ++i)
    if (edits[i].line == edits[i - 1].line &&
        (edits[i].remove_line || edits[i - 1].remove_line || edits[i].column + edits[i].length > edits[i - 1].column))
      return false;
  for (const Edit& edit : edits) {
    auto at = static_cast<std::ptrdiff_t>(edit.line);
    if (edit.remove_line) {
      lines.lines.erase(lines.lines.begin() + at);
      lines.origins.erase(lines.origins.begin() + at);
      continue;
    }
    std::string line = lines.lines[edit.line];
    std::uint32_t origin = lines.origins[edit.line];
    line.replace(edit.column, edit.length, edit.text);
    TextLines parts = TextLines::of(line, 0);
    lines.lines.erase(lines.lines.begin() + at);
    lines.lines.insert(lines.lines.begin() + at, parts.lines.begin(), parts.lines.end());
    lines.origins.insert(lines.origins.begin() + at, parts.lines.size() - 1, origin);
  }
  return true;
}

std::optional<Edit> edit_for(const InputError& error, const TextLines& lines) {
  if (error.severity != InputError::Severity::error || error.position.line == 0 ||
      error.position.line > lines.lines.size())
    return std::nullopt;
  std::size_t line = error.position.line - 1;
  std::string_view raw = lines.lines[line];
  std::size_t at = byte_column(raw, error.position.column);
  auto stands = [&](std::string_view text) { return !text.empty() && raw.substr(at, text.size()) == text; };
  if (error.code == "unknown-field" && error.mend.id == "manifest.mend-did-you-mean") {
    // Only a difference of letter case is certain enough.
    const std::string& right = error.mend.args[0];
    std::string_view written = raw.substr(at, right.size());
    bool same = written.size() == right.size() && std::equal(written.begin(), written.end(), right.begin(),
                                                             [](char a, char b) { return (a | 0x20) == (b | 0x20); });
    if (same && raw.substr(at + right.size(), 1) == ":") return Edit{line, at, right.size(), right, false};
    return std::nullopt;
  }
  if (error.code != "wrong-type" || error.mend.args.empty()) return std::nullopt;
  const std::string& wanted = error.mend.args[0];
  if (error.mend.id == "manifest.mend-quote") {
    std::string_view bare = std::string_view(wanted).substr(1, wanted.size() - 2);
    if (bare.size() < 80 && stands(bare)) return Edit{line, at, bare.size(), wanted, false};
  }
  if (error.mend.id == "manifest.mend-unquote" && (stands("\"" + wanted + "\"") || stands("'" + wanted + "'")))
    return Edit{line, at, wanted.size() + 2, wanted, false};
  return std::nullopt;
}

bool upgrade(const std::string& file, TextLines& lines, std::vector<InputError>& mended) {
  std::string text = lines.text();
  Parsed parsed = parse_document({1, text, false});
  if (!parsed.root || !parsed.flaws.empty() || parsed.root->type != Node::Type::mapping) return false;
  std::vector<InputError> notes;
  Upgrade work(file, lines, notes);
  work.run(*parsed.root);
  if (!work.possible() || !apply(lines, work.take())) return false;
  mended.insert(mended.end(), notes.begin(), notes.end());
  return true;
}

}  // namespace bailey::manifest
