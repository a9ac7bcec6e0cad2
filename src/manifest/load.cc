// Documents -> objects: which decoder reads a document, what a list holds, what is met twice.
#include "manifest/load.h"

#include <algorithm>

#include "base/strings.h"
#include "manifest/decoders.h"
#include "manifest/diagnose.h"
#include "manifest/reader.h"

namespace bailey::manifest {
namespace {

using base::Message;
using model::InputError;
using model::Kind;

constexpr std::string_view own_group = "bailey.dev";

std::string scalar(const Node& root, std::string_view key) {
  const Member* member = root.find(key);
  return member && member->value->type == Node::Type::text ? std::string(member->value->text) : "";
}

std::string list_of(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

std::string_view group_of(std::string_view api_version) {
  std::size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view{} : api_version.substr(0, slash);
}

std::optional<Kind> exact_kind(std::string_view name) {
  for (const model::KindInfo& row : model::kinds())
    if (row.name == name) return row.kind;
  return std::nullopt;
}

// Whether a kind of that name in another group may well be somebody else's ("networking.istio.io/v1 Gateway"):
// the group is a domain name, and neither one that we read nor a misspelling of the one expected.
bool foreign(std::string_view api_version, const model::KindInfo& info) {
  std::string_view group = group_of(api_version);
  if (group.find('.') == std::string_view::npos) return false;
  std::vector<std::string_view> ours;
  for (const model::KindInfo& row : model::kinds())
    for (std::string_view version : row.api_versions)
      if (group_of(version) == group) return false;
  for (std::string_view version : info.api_versions) ours.push_back(group_of(version));
  return base::nearest(group, ours).empty();
}

struct Place {
  model::Position position;
  std::string path;
};

InputError error_at(const std::string& file, std::string code, Place place, Message expected, Message found,
                    Message mend) {
  return {InputError::Severity::error, std::move(code),  file,           place.position, "", std::move(place.path),
          std::move(expected),         std::move(found), std::move(mend)};
}

Place place_of(const Node& root, std::string_view key) {
  const Member* member = root.find(key);
  return {member ? position_of(*member) : root.position, std::string(key)};
}

Message found_at(const Node& root, std::string_view key) {
  const Member* member = root.find(key);
  return member ? found_of(*member->value) : Message{"manifest.found-nothing", {}};
}

// Why a document's kind cannot be read, where it is a mistake and not simply a kind that nobody here knows.
std::optional<InputError> kind_mistake(const std::string& file, const Node& root, const std::string& kind,
                                       const std::string& api_version) {
  std::optional<Kind> near = model::kind_of(kind);
  std::vector<std::string_view> own;
  for (const model::KindInfo& row : model::kinds())
    if (group_of(row.api_versions[0]) == own_group) own.push_back(row.name);
  if (group_of(api_version) == own_group) {
    std::string word = near ? std::string(model::name(*near)) : base::nearest(kind, own);
    return error_at(file, "unknown-kind", place_of(root, "kind"), {"manifest.expected-one-of", {list_of(own)}},
                    found_at(root, "kind"),
                    word.empty() ? Message{"manifest.mend-one-of", {}} : Message{"manifest.mend-write", {word}});
  }
  if (!near) return std::nullopt;
  const auto& versions = model::info(*near).api_versions;
  bool meant = api_version.empty() || std::find(versions.begin(), versions.end(), api_version) != versions.end();
  if (!meant) return std::nullopt;
  return error_at(file, "unknown-kind", place_of(root, "kind"), {"manifest.expected-kind", {}}, found_at(root, "kind"),
                  {"manifest.mend-write", {std::string(model::name(*near))}});
}

}  // namespace

bool Loaded::ok() const {
  return std::none_of(errors.begin(), errors.end(),
                      [](const InputError& error) { return error.severity == InputError::Severity::error; });
}

InputError input_error(const std::string& file, const Flaw& flaw) {
  return error_at(file, flaw.code, {flaw.position, ""}, flaw.expected, flaw.found, flaw.mend);
}

void Loader::read(const std::string& file, std::string_view text, const std::vector<std::uint32_t>& lines,
                  const std::vector<InputError>& notes) {
  std::size_t first_error = loaded_.errors.size();
  loaded_.errors.insert(loaded_.errors.end(), notes.begin(), notes.end());
  if (std::optional<Flaw> flaw = check_text(text)) {
    add(input_error(file, *flaw));
    return;
  }
  for (const Chunk& chunk : split_documents(text)) {
    if (full()) break;
    std::vector<std::uint32_t> chunk_lines;
    if (!lines.empty())
      chunk_lines.assign(
          lines.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(chunk.first_line - 1, lines.size())),
          lines.end());
    Parsed parsed = parse_document(chunk, &chunk_lines, lines.empty());
    for (Flaw& flaw : parsed.flaws) add(input_error(file, lines.empty() ? diagnose(chunk, flaw) : flaw));
    bool whole = parsed.root && parsed.flaws.empty() && parsed.root->type != Node::Type::null;
    if (whole) read_root(file, parsed.root, {});
  }
  auto begin = loaded_.errors.begin() + static_cast<std::ptrdiff_t>(first_error);
  std::stable_sort(begin, loaded_.errors.end(),
                   [](const InputError& a, const InputError& b) { return a.position < b.position; });
  if (full()) {
    loaded_.errors.resize(max_errors);
    add(error_at(file, "too-many-errors", {loaded_.errors.back().position, ""}, {"manifest.expected-fewer-errors", {}},
                 {"manifest.found-more-errors", {std::to_string(max_errors)}}, {"manifest.mend-errors", {}}));
  }
}

void Loader::read_root(const std::string& file, NodePtr root, const Inherited& inherited) {
  if (full()) return;
  if (root->type != Node::Type::mapping) {
    add(error_at(file, "not-an-object", {root->position, ""}, {"manifest.expected-object", {}}, found_of(*root),
                 {"manifest.mend-object", {}}));
    return;
  }
  std::string kind = scalar(*root, "kind");
  std::string api_version = scalar(*root, "apiVersion");
  if (!root->find("kind")) kind = inherited.kind;
  if (!root->find("apiVersion")) api_version = inherited.api_version;
  if (kind.empty()) {
    add(error_at(file, "missing-kind", place_of(*root, "kind"), {"manifest.expected-kind", {}}, found_at(*root, "kind"),
                 {"manifest.mend-kind", {}}));
    return;
  }
  const Member* version = root->find("apiVersion");
  if (version && version->value->type != Node::Type::text && version->value->type != Node::Type::null) {
    add(error_at(file, "wrong-type", place_of(*root, "apiVersion"), {"manifest.expected-text", {}},
                 found_of(*version->value), {"manifest.mend-one-text", {}}));
    return;
  }
  std::optional<Kind> known = exact_kind(kind);
  bool is_list = kind == "List" || (!known && kind.size() > 4 && kind.ends_with("List") && root->find("items"));
  if (is_list) {
    read_list(file, *root, kind, api_version);
  } else if (!known) {
    if (std::optional<InputError> mistake = kind_mistake(file, *root, kind, api_version))
      add(*mistake);
    else
      ++loaded_.unknown_kinds[api_version.empty() ? kind : api_version + " " + kind];
  } else {
    read_object(file, root, *known, api_version);
  }
}

void Loader::read_list(const std::string& file, const Node& root, const std::string& kind,
                       const std::string& api_version) {
  const Member* items = root.find("items");
  if (!items || items->value->type == Node::Type::null) return;
  if (items->value->type != Node::Type::sequence) {
    add(error_at(file, "wrong-type", place_of(root, "items"), {"manifest.expected-list", {}}, found_of(*items->value),
                 {"manifest.mend-list", {}}));
    return;
  }
  Inherited inherited;
  if (kind != "List") inherited = {kind.substr(0, kind.size() - 4), api_version};
  for (NodePtr item : items->value->items) read_item(file, item, inherited);
}

// An item of a JSON list has no tree yet; it gets one for as long as it is looked at.
void Loader::read_item(const std::string& file, NodePtr item, const Inherited& inherited) {
  if (!item->deferred) return read_root(file, item, inherited);
  if (full()) return;
  Parsed parsed = parse_deferred(*item);
  for (const Flaw& flaw : parsed.flaws) add(input_error(file, flaw));
  if (parsed.root && parsed.flaws.empty()) read_root(file, parsed.root, inherited);
}

namespace {

// Which apiVersion a document of a known kind has; false where it cannot be read.
bool check_api_version(const std::string& file, const Node& root, const model::KindInfo& info,
                       const std::string& api_version, std::vector<InputError>& errors) {
  bool accepted = std::find(info.api_versions.begin(), info.api_versions.end(), api_version) != info.api_versions.end();
  if (accepted) return true;
  std::string current(info.api_versions[0]);
  if (!api_version.empty()) {
    errors.push_back(error_at(file, "bad-api-version", place_of(root, "apiVersion"),
                              {"manifest.expected-one-of", {list_of(info.api_versions)}}, found_at(root, "apiVersion"),
                              {"manifest.mend-write", {"apiVersion: " + current}}));
    errors.back().object = std::string(info.name);
    return false;
  }
  InputError error =
      error_at(file, "missing-api-version", place_of(root, "kind"), {"manifest.expected-field", {"apiVersion"}},
               {"manifest.found-no-api-version", {std::string(info.name)}},
               {"manifest.mend-add-line", {"apiVersion: " + current}});
  error.object = std::string(info.name);
  error.field = "apiVersion";
  bool tolerated = info.kind == Kind::Ingress;
  if (tolerated) {
    error.severity = InputError::Severity::warning;
    error.found = {"manifest.found-read-as", {std::string(info.name), "networking.k8s.io/v1beta1"}};
  }
  errors.push_back(std::move(error));
  return tolerated;
}

}  // namespace

void Loader::read_object(const std::string& file, NodePtr root, Kind kind, const std::string& api_version) {
  const model::KindInfo& info = model::info(kind);
  if (!api_version.empty() && foreign(api_version, info)) {
    ++loaded_.unknown_kinds[api_version + " " + std::string(info.name)];
    return;
  }
  std::size_t first_error = loaded_.errors.size();
  if (!check_api_version(file, *root, info, api_version, loaded_.errors)) return;
  Context context(file, root->position, options_, loaded_.errors);
  context.strict = info.strict;
  std::optional<model::AnyObject> object;
  model::Position name_position;
  {
    Field field(context, root, root->position, "");
    Mapping top(field);
    top.ignore({"apiVersion", "kind", "metadata"});
    top["apiVersion"];
    top["kind"];
    model::Meta meta = read_meta(top, kind);
    object = decoder_of(kind)(top, std::move(meta), api_version);
  }
  for (std::size_t i = first_error; i < loaded_.errors.size(); ++i)
    if (loaded_.errors[i].object.empty() || loaded_.errors[i].object == info.name)
      loaded_.errors[i].object = context.object;
  const model::Meta& meta = model::meta(*object);
  name_position = context.source->at("metadata.name");
  if (meta.name.empty()) return;
  auto [place, fresh] = seen_.emplace(meta.ref(), Place{file, name_position});
  if (!fresh) {
    std::string where = place->second.file + ":" + std::to_string(place->second.position.line) + ":" +
                        std::to_string(place->second.position.column);
    context.report(InputError::Severity::error, "duplicate-name", "metadata.name", name_position,
                   {"manifest.expected-unique-object", {std::string(info.name)}},
                   {"manifest.found-duplicate-object", {meta.ref().text(), where}},
                   {"manifest.mend-unique-object", {}});
    return;
  }
  if (!context.failed) loaded_.objects.push_back(std::move(*object));
}

Loaded load(const std::vector<Document>& documents, const Options& options) {
  Loader loader(options);
  for (const Document& document : documents) loader.read(document.file, document.text);
  return loader.take();
}

}  // namespace bailey::manifest
