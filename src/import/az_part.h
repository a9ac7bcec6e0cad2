// Reading az's JSON: what was asked for, and a note for everything that nobody asked for. Internal to import/.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "import/az.h"
#include "manifest/node.h"
#include "manifest/parse.h"

namespace bailey::importer {

// A place in one of the files.
struct Origin {
  std::string file;
  model::Position position;
  std::string path;
};

class Notes {
 public:
  void add(const Origin& at, std::string_view id, std::vector<std::string> args = {});
  std::vector<Note> take();

 private:
  std::vector<Note> notes_;
};

// One JSON object. Names are found whatever their case (az writes privateIpAddress, REST privateIPAddress), and below
// "properties" as well. Cheap to copy; the tree and the notes outlive it.
class Part {
 public:
  Part(const manifest::Node& node, Origin origin, Notes& notes);

  std::string text(std::string_view name);  // "" where there is none
  bool boolean(std::string_view name);
  std::optional<std::int64_t> number(std::string_view name);
  std::vector<std::string> texts(std::string_view name);
  std::vector<Part> parts(std::string_view name);
  std::optional<Part> part(std::string_view name);
  std::string id_of(std::string_view name);  // the id in an object {"id": ...}
  base::Json all();                          // every member, as texts
  bool has(std::string_view name) const;     // with a value
  void ignore(std::initializer_list<std::string_view> names);
  // A note for each field that holds something and was not asked for. Call it last.
  void note_rest();
  void note(std::string_view id, std::vector<std::string> args = {}) const {
    notes_->add(origin_, id, std::move(args));
  }
  void note_at(std::string_view name, std::string_view id, std::vector<std::string> args = {}) const;

  const Origin& origin() const { return origin_; }

 private:
  const manifest::Member* find(std::string_view name) const;
  const manifest::Member* take(std::string_view name);
  Origin origin_of(const manifest::Member& member) const;
  const manifest::Node* node_;
  const manifest::Node* properties_ = nullptr;
  Origin origin_;
  Notes* notes_;
  std::set<std::string> asked_;  // in lower case
};

std::string lower(std::string_view text);

// An Azure resource id, in lower case: .../resourcegroups/G/providers/microsoft.network/virtualnetworks/V/subnets/S.
struct ResourceId {
  std::string text;
  std::string group;   // as it is written
  std::string type;    // of the last part: "subnets"
  std::string name;    // of the last part
  std::string parent;  // id of what holds it; "" for a resource of its own
  static std::optional<ResourceId> parse(std::string_view id);
};

// An object being made, and where its list items came from, so that one that load() refuses can be taken back.
struct Draft {
  std::string kind;
  std::string name;
  base::Json spec = base::Json::object();
  Origin origin;
  std::map<std::string, std::vector<Origin>> items;  // "rules" -> of spec.rules[i]
};

class Import {
 public:
  void add(const manifest::Document& document);
  Imported take();

 private:
  struct Resource {
    ResourceId id;
    Part part;
    std::string name;  // of the object that it becomes
  };

  void collect(const manifest::Node& node, const Origin& origin);
  void give_names();
  void name_subnets();
  // `part`: where a changed name is noted; null for what has no object of its own.
  std::string name_of(std::string_view kind, const ResourceId& id, const Part* part);
  // The name of the object that stands for an id; notes its absence at `part`.`field` and returns "".
  std::string refer(const Part& part, std::string_view field, const std::string& id);
  std::string refer_subnet(const Part& part, std::string_view field, const std::string& id);
  Draft draft(std::string_view kind, const Resource& resource);
  void finish(Draft draft);
  // Those within `part` and those that stand alone in the files.
  std::vector<Part> children(const Resource& of, Part& part, std::string_view field, std::string_view type);
  std::vector<std::string> groups(Part& part, std::string_view field);  // application security groups
  base::Json rule(Part& part);

  void virtual_network(const Resource& resource);
  void subnet(Part part, Draft& out);
  void peering(Part part, const Resource& network);
  void give(Draft& draft, const std::string& list, base::Json item, const Part& from);
  void security_group(const Resource& resource);
  void route_table(const Resource& resource);
  void network_interface(const Resource& resource);
  void gateway(const Resource& resource);
  void local_gateway(const Resource& resource);
  void connection(const Resource& resource);
  void cluster(const Resource& resource);
  void network_profile(Part& cluster, Draft& out);
  void node_pool(Part part, Draft& out);

  struct Kept {
    manifest::Document document;
    manifest::Parsed parsed;
  };
  std::vector<std::unique_ptr<Kept>> kept_;  // the trees
  std::vector<Resource> resources_;          // in the order met; of one id the first
  std::map<std::string, std::size_t> by_id_;
  std::map<std::pair<std::string, std::string>, std::string> names_;  // kind, name -> id
  std::map<std::string, std::string> subnet_names_;                   // by id
  Notes notes_;
  Imported out_;
};

}  // namespace bailey::importer
