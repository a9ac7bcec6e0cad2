// In two passes, since files come in any order: collect every resource by its id and give each the name of the object
// that it becomes; then write the objects, in which ids have become names. An object is given out only when load()
// reads it; a list item that load() refuses (a rule with a service tag that Bailey has not, say) is taken out and
// noted.
#include "import/az.h"

#include <algorithm>

#include "import/az_part.h"
#include "manifest/load.h"
#include "manifest/values.h"

namespace bailey::importer {

using base::Json;
using manifest::Node;

namespace {

struct Row {
  std::string_view type;  // of the id
  std::string_view kind;  // "" for what becomes a part of another object
};
constexpr Row resource_types[] = {
    {"virtualnetworks", "VirtualNetwork"},
    {"subnets", ""},
    {"virtualnetworkpeerings", ""},
    {"networksecuritygroups", "NetworkSecurityGroup"},
    {"routetables", "RouteTable"},
    {"networkinterfaces", "NetworkInterface"},
    {"virtualnetworkgateways", "NetworkGateway"},
    {"localnetworkgateways", "OnPremisesNetwork"},
    {"connections", "GatewayConnection"},
    {"managedclusters", "Cluster"},
    {"agentpools", ""},
};

const Row* row_of(std::string_view type) {
  for (const Row& row : resource_types)
    if (row.type == type) return &row;
  return nullptr;
}

// A name as Kubernetes writes them: lower case, dashes for what it has not.
std::string as_name(std::string_view text, bool dots) {
  std::string out;
  for (char c : lower(text)) {
    bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (dots && c == '.');
    out += keep ? c : '-';
  }
  auto alphanumeric = [](char c) { return c != '-' && c != '.'; };
  while (!out.empty() && !alphanumeric(out.back())) out.pop_back();
  while (!out.empty() && !alphanumeric(out.front())) out.erase(0, 1);
  out = out.substr(0, dots ? 200 : 50);
  if (dots && !manifest::is_dns_subdomain(out)) return as_name(text, false);
  return out.empty() ? "unnamed" : out;
}

Json manifest_of(const Draft& draft) {
  Json metadata = Json::object();
  metadata.set("name", draft.name);
  Json out = Json::object();
  out.set("apiVersion", "bailey.dev/v1alpha1").set("kind", draft.kind).set("metadata", metadata);
  return out.set("spec", draft.spec);
}

std::string found_text(const model::InputError& error) {
  std::string out;
  for (const std::string& arg : error.found.args) out += (out.empty() ? "" : ", ") + arg;
  return out.empty() ? error.code : out;
}

struct Item {
  std::string list;
  std::size_t index = 0;
};

// "spec.rules[3].sourcePrefix" -> rules, 3
std::optional<Item> item_of(const std::string& field) {
  std::size_t open = field.find('[');
  std::size_t close = field.find(']');
  if (!field.starts_with("spec.") || open == std::string::npos || close == std::string::npos) return std::nullopt;
  return Item{field.substr(5, open - 5), std::stoul(field.substr(open + 1, close - open - 1))};
}

}  // namespace

void Import::add(const manifest::Document& document) {
  kept_.push_back(std::make_unique<Kept>());
  Kept& kept = *kept_.back();
  kept.document = document;
  auto fail = [&](const manifest::Flaw& flaw) { out_.errors.push_back(manifest::input_error(document.file, flaw)); };
  if (std::optional<manifest::Flaw> flaw = manifest::check_text(kept.document.text)) return fail(*flaw);
  std::vector<manifest::Chunk> chunks = manifest::split_documents(kept.document.text);
  if (chunks.size() == 1) kept.parsed = manifest::parse_document(chunks[0]);
  for (const manifest::Flaw& flaw : kept.parsed.flaws) fail(flaw);
  if (!kept.parsed.flaws.empty()) return;
  const Node* root = kept.parsed.root;
  if (!root || root->is_scalar())
    return fail({"not-azure",
                 root ? root->position : model::Position{1, 1},
                 {"import.expected-az", {}},
                 {"import.found-other", {}},
                 {"import.mend-az", {}}});
  collect(*root, {document.file, root->position, ""});
}

void Import::collect(const Node& node, const Origin& origin) {
  for (std::size_t i = 0; i < node.items.size(); ++i)
    collect(*node.items[i], {origin.file, node.items[i]->position, origin.path + "[" + std::to_string(i) + "]"});
  if (node.type == Node::Type::sequence) return;
  const manifest::Member* value = node.find("value");  // a page of the REST API
  if (value && value->value->type == Node::Type::sequence && !node.find("id"))
    return collect(*value->value, {origin.file, value->value->position, origin.path + ".value"});
  const manifest::Member* member = node.find("id");
  std::optional<ResourceId> id = member ? ResourceId::parse(member->value->text) : std::nullopt;
  if (!id) return notes_.add(origin, "import.no-resource");
  if (!row_of(id->type)) return notes_.add(origin, "import.unknown-type", {id->type});
  if (!by_id_.emplace(id->text, resources_.size()).second) return notes_.add(origin, "import.twice", {id->name});
  resources_.push_back({*id, Part(node, origin, notes_), ""});
}

std::string Import::name_of(std::string_view kind, const ResourceId& id, const Part* part) {
  bool dots = kind != "Cluster";
  std::string plain = as_name(id.name, dots);
  std::vector<std::string> candidates = {plain, as_name(plain + "-" + id.group, dots)};
  for (int i = 2; i < 100; ++i) candidates.push_back(candidates[1] + "-" + std::to_string(i));
  for (const std::string& name : candidates) {
    auto [at, fresh] = names_.emplace(std::pair{std::string(kind), name}, id.text);
    if (!fresh && at->second != id.text) continue;
    if (fresh && part && name != plain) part->note("import.name-taken", {id.name, name});
    if (fresh && part && name == plain && name != id.name) part->note("import.renamed", {id.name, name});
    return name;
  }
  return candidates.back();
}

void Import::give_names() {
  for (Resource& resource : resources_) {
    std::string_view kind = row_of(resource.id.type)->kind;
    if (!kind.empty()) resource.name = name_of(kind, resource.id, &resource.part);
    if (resource.id.parent.empty() || by_id_.contains(resource.id.parent)) continue;
    resource.part.note("import.no-parent", {resource.id.name});
  }
}

std::string Import::refer(const Part& part, std::string_view field, const std::string& id) {
  if (id.empty()) return "";
  std::optional<ResourceId> parsed = ResourceId::parse(id);
  auto at = by_id_.find(parsed ? parsed->text : "");
  if (at != by_id_.end()) return resources_[at->second].name;
  part.note_at(field, "import.not-among-files", {parsed ? parsed->name : id});
  return "";
}

std::string Import::refer_subnet(const Part& part, std::string_view field, const std::string& id) {
  if (id.empty()) return "";
  std::optional<ResourceId> parsed = ResourceId::parse(id);
  if (!parsed || parsed->type != "subnets") {
    part.note_at(field, "import.not-among-files", {parsed ? parsed->name : id});
    return "";
  }
  std::string network = refer(part, field, parsed->parent);
  // The name as the network writes it, whatever the case of the id.
  std::size_t slash = id.rfind('/');
  auto written = subnet_names_.find(parsed->text);
  if (network.empty()) return "";
  return network + "/" + (written == subnet_names_.end() ? id.substr(slash + 1) : written->second);
}

Draft Import::draft(std::string_view kind, const Resource& resource) {
  return {std::string(kind), resource.name, Json::object(), resource.part.origin(), {}};
}

std::vector<Part> Import::children(const Resource& of, Part& part, std::string_view field, std::string_view type) {
  std::vector<Part> out = part.parts(field);
  std::set<std::string> inside;
  for (Part& child : out) inside.insert(lower(child.text("id")));
  for (const Resource& other : resources_)
    if (other.id.type == type && other.id.parent == of.id.text && !inside.contains(other.id.text))
      out.push_back(other.part);
  return out;
}

// Takes out what load() refuses, item by item; keeps the object only when load() reads what is left.
void Import::finish(Draft draft) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    Json manifest = manifest_of(draft);
    manifest::Loaded loaded = manifest::load({{"", manifest.dump()}}, {});
    if (loaded.ok() && loaded.objects.size() == 1) {
      out_.objects.push_back(std::move(manifest));
      return;
    }
    std::map<std::string, std::map<std::size_t, const model::InputError*>> wrong;
    for (const model::InputError& error : loaded.errors) {
      if (error.severity != model::InputError::Severity::error) continue;
      std::optional<Item> item = item_of(error.field);
      bool known = item && draft.items.contains(item->list) && item->index < draft.items[item->list].size();
      if (!known) return notes_.add(draft.origin, "import.refused", {draft.kind, error.field, found_text(error)});
      wrong[item->list].emplace(item->index, &error);
    }
    for (const auto& [list, items] : wrong) {
      std::vector<Origin>& origins = draft.items[list];
      Json::Array left = draft.spec[list].items();
      for (auto at = items.rbegin(); at != items.rend(); ++at) {
        auto index = static_cast<std::ptrdiff_t>(at->first);
        notes_.add(origins[at->first], "import.item-refused", {at->second->field, found_text(*at->second)});
        left.erase(left.begin() + index);
        origins.erase(origins.begin() + index);
      }
      draft.spec.set(list, Json(std::move(left)));
    }
  }
  notes_.add(draft.origin, "import.refused", {draft.kind, "", ""});
}

Imported Import::take() {
  give_names();
  name_subnets();
  for (const Resource& resource : resources_) {
    const std::string& type = resource.id.type;
    if (type == "virtualnetworks") virtual_network(resource);
    if (type == "networksecuritygroups") security_group(resource);
    if (type == "routetables") route_table(resource);
    if (type == "networkinterfaces") network_interface(resource);
    if (type == "virtualnetworkgateways") gateway(resource);
    if (type == "localnetworkgateways") local_gateway(resource);
    if (type == "connections") connection(resource);
    if (type == "managedclusters") cluster(resource);
  }
  std::stable_sort(out_.objects.begin(), out_.objects.end(), [](const Json& a, const Json& b) {
    auto order = [](const Json& object) {
      const std::string& kind = object["kind"].as_string();
      auto at = std::find_if(model::kinds().begin(), model::kinds().end(),
                             [&](const model::KindInfo& row) { return row.name == kind; });
      return std::pair{at - model::kinds().begin(), object["metadata"]["name"].as_string()};
    };
    return order(a) < order(b);
  });
  out_.notes = notes_.take();
  return std::move(out_);
}

Imported import_az(const std::vector<manifest::Document>& documents) {
  Import import;
  for (const manifest::Document& document : documents) import.add(document);
  return import.take();
}

}  // namespace bailey::importer
