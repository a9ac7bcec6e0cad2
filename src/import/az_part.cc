#include "import/az_part.h"

#include <algorithm>

#include "base/strings.h"

namespace bailey::importer {

using manifest::Member;
using manifest::Node;

namespace {

// Says nothing: null, false, "", [], {} and what holds only such.
bool hollow(const Node& node) {
  switch (node.type) {
    case Node::Type::null: return true;
    case Node::Type::boolean: return node.text == "false";
    case Node::Type::text: return node.text.empty();
    case Node::Type::sequence:
      return std::all_of(node.items.begin(), node.items.end(), [](const Node* item) { return hollow(*item); });
    case Node::Type::mapping:
      return std::all_of(node.members.begin(), node.members.end(),
                         [](const Member& member) { return hollow(*member.value); });
    default: return false;
  }
}

// What every resource says about itself and what has nothing to do with the network.
constexpr std::string_view of_every_resource[] = {
    "id",        "name", "type",         "etag",       "resourcegroup",
    "location",  "kind", "resourceguid", "systemdata", "provisioningstate",
    "properties"};

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void Notes::add(const Origin& at, std::string_view id, std::vector<std::string> args) {
  notes_.push_back({at.file, at.position, at.path, {std::string(id), std::move(args)}});
}

std::vector<Note> Notes::take() {
  std::stable_sort(notes_.begin(), notes_.end(), [](const Note& a, const Note& b) {
    return std::tie(a.file, a.position) < std::tie(b.file, b.position);
  });
  return std::move(notes_);
}

Part::Part(const Node& node, Origin origin, Notes& notes) : node_(&node), origin_(std::move(origin)), notes_(&notes) {
  const Member* properties = node.find("properties");
  if (properties && properties->value->type == Node::Type::mapping) properties_ = properties->value;
}

const Member* Part::find(std::string_view name) const {
  std::string wanted = lower(name);
  for (const Node* node : {node_, properties_})
    for (const Member& member : node ? node->members : std::span<const Member>{})
      if (lower(member.key) == wanted && member.value->type != Node::Type::null) return &member;
  return nullptr;
}

const Member* Part::take(std::string_view name) {
  asked_.insert(lower(name));
  return find(name);
}

Origin Part::origin_of(const Member& member) const {
  Origin out = origin_;
  out.position = manifest::position_of(member);
  out.path += (out.path.empty() ? "" : ".") + std::string(member.key);
  return out;
}

std::string Part::text(std::string_view name) {
  const Member* member = take(name);
  if (!member) return "";
  if (member->value->is_scalar()) return std::string(member->value->text);
  notes_->add(origin_of(*member), "import.wrong-type");
  return "";
}

bool Part::boolean(std::string_view name) {
  const Member* member = take(name);
  if (!member) return false;
  if (member->value->type == Node::Type::boolean) return member->value->text == "true";
  notes_->add(origin_of(*member), "import.wrong-type");
  return false;
}

std::optional<std::int64_t> Part::number(std::string_view name) {
  const Member* member = take(name);
  if (!member) return std::nullopt;
  std::int64_t value = 0;
  if (member->value->is_scalar() && manifest::integer_value(member->value->text, &value)) return value;
  notes_->add(origin_of(*member), "import.wrong-type");
  return std::nullopt;
}

std::vector<std::string> Part::texts(std::string_view name) {
  std::vector<std::string> out;
  const Member* member = take(name);
  if (!member) return out;
  if (member->value->type != Node::Type::sequence) notes_->add(origin_of(*member), "import.wrong-type");
  for (const Node* item : member->value->items) {
    if (item->is_scalar() && item->type != Node::Type::null)
      out.emplace_back(item->text);
    else
      notes_->add(origin_of(*member), "import.wrong-type");
  }
  return out;
}

std::vector<Part> Part::parts(std::string_view name) {
  std::vector<Part> out;
  const Member* member = take(name);
  if (!member) return out;
  Origin origin = origin_of(*member);
  if (member->value->type != Node::Type::sequence) notes_->add(origin, "import.wrong-type");
  for (std::size_t i = 0; i < member->value->items.size(); ++i) {
    const Node& item = *member->value->items[i];
    Origin at{origin.file, item.position, origin.path + "[" + std::to_string(i) + "]"};
    if (item.type == Node::Type::mapping)
      out.emplace_back(item, at, *notes_);
    else
      notes_->add(at, "import.wrong-type");
  }
  return out;
}

std::optional<Part> Part::part(std::string_view name) {
  const Member* member = take(name);
  if (!member) return std::nullopt;
  if (member->value->type == Node::Type::mapping) return Part(*member->value, origin_of(*member), *notes_);
  notes_->add(origin_of(*member), "import.wrong-type");
  return std::nullopt;
}

std::string Part::id_of(std::string_view name) {
  std::optional<Part> inner = part(name);
  return inner ? inner->text("id") : "";
}

base::Json Part::all() {
  base::Json out = base::Json::object();
  for (const Member& member : node_->members) {
    asked_.insert(lower(member.key));
    if (member.value->type == Node::Type::null) continue;
    if (member.value->is_scalar())
      out.set(std::string(member.key), member.value->text);
    else
      notes_->add(origin_of(member), "import.wrong-type");
  }
  return out;
}

bool Part::has(std::string_view name) const {
  const Member* member = find(name);
  return member && !hollow(*member->value);
}

void Part::ignore(std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) asked_.insert(lower(name));
}

void Part::note_rest() {
  for (const Node* node : {node_, properties_})
    for (const Member& member : node ? node->members : std::span<const Member>{}) {
      std::string key = lower(member.key);
      bool usual =
          std::find(std::begin(of_every_resource), std::end(of_every_resource), key) != std::end(of_every_resource);
      if (!usual && !asked_.contains(key) && !hollow(*member.value))
        notes_->add(origin_of(member), "import.no-counterpart");
    }
}

void Part::note_at(std::string_view name, std::string_view id, std::vector<std::string> args) const {
  const Member* member = find(name);
  notes_->add(member ? origin_of(*member) : origin_, id, std::move(args));
}

std::optional<ResourceId> ResourceId::parse(std::string_view id) {
  ResourceId out;
  out.text = lower(id);
  std::vector<std::string_view> parts = base::split(out.text, '/');
  // "", subscriptions, S, resourcegroups, G, providers, P, type, name [, type, name ...]
  bool good = parts.size() >= 9 && parts.size() % 2 == 1 && parts[0].empty() && parts[1] == "subscriptions" &&
              parts[3] == "resourcegroups" && parts[5] == "providers";
  if (!good || parts.back().empty()) return std::nullopt;
  out.group = base::split(id, '/')[4];
  out.type = parts[parts.size() - 2];
  out.name = parts.back();
  if (parts.size() > 9) out.parent = out.text.substr(0, out.text.size() - out.type.size() - out.name.size() - 2);
  return out;
}

}  // namespace bailey::importer
