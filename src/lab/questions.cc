// Rows are grouped by the host where they start; each group is one request to that host's agent, and the answers are
// put back in the order of the rows.
#include "lab/questions.h"

#include <algorithm>

#include "lab/wire.h"
#include "model/resolve/interfaces.h"

namespace bailey::lab {
namespace {

constexpr std::int64_t default_timeout_ms = 300;

Failure no_such(const std::string& name) { return usage_failure({"lab.no-endpoint", {name}}); }

const model::LabHost* owner_of(const model::Snapshot& snapshot, const std::string& interface_name) {
  for (const auto& host : snapshot.all<model::LabHost>())
    if (std::find(host->interfaces.begin(), host->interfaces.end(), interface_name) != host->interfaces.end())
      return host.get();
  return nullptr;
}

}  // namespace

struct Questions::Row {
  base::Json given;  // id, from, to, port, family as they were asked
  Place from;
  std::optional<Place> to;  // unset for a foreign address
  model::Address address;
  model::Port port;
  std::int64_t timeout_ms = default_timeout_ms;
  bool no_common_family = false;
};

struct Questions::Batch {
  bool hops = false;  // asked for
  std::vector<Row> rows;
  std::vector<base::Json> outcomes;
  std::size_t open = 0;
  Answered answered;
  std::uint64_t generation = 0;
};

std::variant<Place, Failure> Questions::find(const model::EndpointName& name) const {
  using Type = model::EndpointName::Type;
  const model::Snapshot& snapshot = network_.current();
  if (name.type == Type::pod) {
    auto at = network_.pods().find({model::Kind::Pod, name.ns, name.name});
    if (at == network_.pods().end()) return no_such(name.text());
    const RealisedPod& pod = at->second;
    return Place{pod.host, pod.host_network ? "" : pod.container, pod.addresses, pod.ports};
  }
  if (name.type == Type::node) {
    const auto* node = snapshot.find<model::Node>(model::Kind::Node, name.name);
    if (!node || !hosts_.has("node/" + name.name)) return no_such(name.text());
    return Place{"node/" + name.name, "", node->addresses, {{22, model::Protocol::tcp}, {10250, model::Protocol::tcp}}};
  }
  if (name.type == Type::service) {
    const auto* service = snapshot.find<model::Service>({model::Kind::Service, name.ns, name.name});
    if (!service) return no_such(name.text());
    return Place{"", "", service->cluster_addresses, {}};
  }
  if (name.type == Type::host) {
    const auto* host = snapshot.find<model::LabHost>(model::Kind::LabHost, name.name);
    if (!host) return no_such(name.text());
    Place place{"host/" + name.name, "", host->addresses, {host->listeners.begin(), host->listeners.end()}};
    for (const std::string& interface_name : host->interfaces)
      for (const model::resolve::Interface& nic : model::resolve::interfaces(snapshot))
        if (nic.name == interface_name)
          place.addresses.insert(place.addresses.end(), nic.addresses.begin(), nic.addresses.end());
    return place;
  }
  for (const model::resolve::Interface& nic : model::resolve::interfaces(snapshot)) {
    bool match = name.type == Type::nic ? nic.name == name.name : nic.owns(*name.address) && !nic.ip_forwarding;
    if (!match) continue;
    std::string host = nic.owner == model::resolve::Interface::Owner::node ? "node/" + nic.owner_name : "";
    if (const model::LabHost* owner = owner_of(snapshot, nic.name)) host = "host/" + owner->meta.name;
    return Place{host, "", name.type == Type::nic ? nic.addresses : std::vector{*name.address}, {}};
  }
  if (name.type == Type::nic) return no_such(name.text());
  return Place{"", "", {*name.address}, {}};
}

std::vector<std::string> Questions::endpoints() const {
  std::vector<std::string> names;
  for (const auto& [ref, pod] : network_.pods()) names.push_back("pod/" + ref.ns + "/" + ref.name);
  for (const std::string& host : hosts_.names())
    if (host.starts_with("node/") || host.starts_with("host/")) names.push_back(host);
  return names;
}

std::variant<Questions::Row, Failure> Questions::row_of(const base::Json& json, std::int64_t timeout_ms) const {
  Row row;
  for (const char* key : {"id", "from", "to", "port", "family"})
    if (json.has(key)) row.given.set(key, json[key]);
  std::optional<model::EndpointName> from = model::EndpointName::parse(json["from"].as_string());
  std::optional<model::EndpointName> to = model::EndpointName::parse(json["to"].as_string());
  if (!from) return usage_failure({"lab.bad-endpoint", {json["from"].as_string()}});
  if (!to) return usage_failure({"lab.bad-endpoint", {json["to"].as_string()}});
  std::string port_text = json["port"].is_int() ? std::to_string(json["port"].as_int()) : json["port"].as_string();
  std::optional<model::Port> port = model::Port::parse(port_text);
  if (!port) return usage_failure({"lab.bad-port", {port_text}});
  std::variant<Place, Failure> source = find(*from);
  if (auto* failure = std::get_if<Failure>(&source)) return *failure;
  row.from = std::get<Place>(source);
  if (row.from.host.empty()) return usage_failure({"lab.cannot-start-there", {from->text()}});
  std::variant<Place, Failure> target = find(*to);
  if (auto* failure = std::get_if<Failure>(&target)) return *failure;
  row.to = std::get<Place>(target);
  row.port = *port;
  row.timeout_ms = timeout_ms;

  std::int64_t family = json["family"].is_int() ? json["family"].as_int() : (json["family"].as_string() == "6" ? 6 : 0);
  if (json["family"].as_string() == "4") family = 4;
  auto pick = [&](model::Family wanted) -> const model::Address* {
    bool ours = std::any_of(row.from.addresses.begin(), row.from.addresses.end(),
                            [&](const model::Address& address) { return address.family() == wanted; });
    for (const model::Address& address : row.to->addresses)
      if (address.family() == wanted && ours) return &address;
    return nullptr;
  };
  const model::Address* address = family == 6 ? nullptr : pick(model::Family::v4);
  if (!address && family != 4) address = pick(model::Family::v6);
  row.no_common_family = !address;
  if (address) row.address = *address;
  return row;
}

base::Json::Array Questions::matrix(bool families) const {
  base::Json::Array rows;
  std::vector<std::string> names = endpoints();
  std::map<std::string, Place> places;
  for (const std::string& name : names) {
    std::variant<Place, Failure> place = find(*model::EndpointName::parse(name));
    if (std::holds_alternative<Place>(place)) places.emplace(name, std::move(std::get<Place>(place)));
  }
  auto has = [&](const std::string& name, model::Family family) {
    const std::vector<model::Address>& all = places.at(name).addresses;
    return std::any_of(all.begin(), all.end(), [&](const model::Address& each) { return each.family() == family; });
  };
  for (const std::string& from : names) {
    for (const std::string& to : names) {
      if (from == to || !places.contains(from) || !places.contains(to)) continue;
      for (const model::Port& port : places.at(to).ports) {
        base::Json row = base::Json::object().set("from", from).set("to", to).set("port", port.text());
        if (!families) rows.push_back(row);
        for (model::Family family : {model::Family::v4, model::Family::v6})
          if (families && has(from, family) && has(to, family))
            rows.push_back(base::Json(row).set("family", family == model::Family::v4 ? 4 : 6));
      }
    }
  }
  return rows;
}

std::variant<std::vector<Questions::Row>, Failure> Questions::rows_of(const base::Json& request) const {
  std::int64_t timeout_ms = request["timeout_ms"].as_int(default_timeout_ms);
  std::vector<Row> rows;
  for (const base::Json& json : request.has("rows") ? request["rows"].items() : matrix(false)) {
    std::variant<Row, Failure> row = row_of(json, json["timeout_ms"].as_int(timeout_ms));
    if (auto* failure = std::get_if<Failure>(&row)) return *failure;
    rows.push_back(std::move(std::get<Row>(row)));
  }
  return rows;
}

void Questions::probe(const base::Json& request, Answered answered) {
  std::variant<std::vector<Row>, Failure> rows = rows_of(request);
  if (auto* failure = std::get_if<Failure>(&rows)) return answered(*failure);
  auto batch = std::make_shared<Batch>();
  batch->rows = std::move(std::get<std::vector<Row>>(rows));
  batch->outcomes.resize(batch->rows.size());
  batch->answered = std::move(answered);
  batch->hops = request["hops"].as_bool();
  batch->generation = network_.given().generation();

  std::map<std::string, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < batch->rows.size(); ++i) {
    if (batch->rows[i].no_common_family) {
      batch->outcomes[i] = base::Json::object().set("result", "unreachable");
    } else {
      groups[batch->rows[i].from.host].push_back(i);
    }
  }
  batch->open = groups.size() + 1;
  for (const auto& [host, indices] : groups) {
    base::Json list = base::Json::array();
    for (std::size_t index : indices) {
      const Row& row = batch->rows[index];
      base::Json item = base::Json::object().set("to", row.address.text()).set("port", row.port.text());
      item.set("timeout_ms", row.timeout_ms).set("hops", batch->hops);
      if (!row.from.container.empty()) item.set("pod", row.from.container);
      list.push(std::move(item));
    }
    base::Json ask = base::Json::object().set("op", "probe").set("rows", std::move(list));
    hosts_.ask(host, ask, [this, batch, indices = indices](base::Json answer) {
      const base::Json::Array& outcomes = answer["rows"].items();
      for (std::size_t i = 0; i < indices.size(); ++i)
        batch->outcomes[indices[i]] =
            i < outcomes.size() ? outcomes[i] : base::Json::object().set("result", "unreachable");
      if (--batch->open == 0) finish(*batch);
    });
  }
  if (--batch->open == 0) finish(*batch);
}

void Questions::finish(Batch& batch) {
  base::Json rows = base::Json::array();
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const Row& row = batch.rows[i];
    const base::Json& outcome = batch.outcomes[i];
    base::Json json = row.given;
    const std::string& result = outcome["result"].as_string();
    auto text_or_null = [&](const char* key) {
      return outcome[key].as_string().empty() ? base::Json() : base::Json(outcome[key].as_string());
    };
    json.set("result", result).set("source_seen", text_or_null("source_seen"));
    json.set("answered_by", text_or_null("answered_by"));
    if (row.no_common_family) {
      base::Json where = base::Json::object().set("host", row.from.host).set("component", "lab");
      json.set("dropped_at", where.set("reason", "no-common-family").set("object", row.given["to"]));
    } else if (result == "dropped" || result == "unreachable") {
      json.set("dropped_at",
               why_dropped(network_.current(), row.from, row.address, row.port, row.to ? &*row.to : nullptr));
    } else {
      json.set("dropped_at", nullptr);
    }
    bool timed = outcome["rtt_us"].as_int(-1) >= 0;
    json.set("rtt_us", timed ? base::Json(outcome["rtt_us"].as_int()) : base::Json());
    if (batch.hops) json.set("hops", outcome["hops"].as_int(-1) >= 0 ? outcome["hops"] : base::Json());
    json.set("generation", batch.generation);
    rows.push(std::move(json));
  }
  batch.answered(base::Json::object().set("rows", std::move(rows)));
}

void Questions::conn(const base::Json& request, Answered answered) {
  const std::string& action = request["action"].as_string();
  if (action == "list") return conn_list(std::move(answered));
  const std::string& id = request["id"].as_string();
  if (id.empty()) return answered(usage_failure({"lab.conn-needs-id", {}}));
  if (action == "open") return conn_open(request, std::move(answered));
  auto at = connections_.find(id);
  if (at == connections_.end()) return answered(usage_failure({"lab.no-connection", {id}}));
  if (action != "send" && action != "close") return answered(usage_failure({"lab.bad-action", {action}}));
  base::Json ask = base::Json::object().set("op", "conn_" + action).set("conn", id);
  ask.set("timeout_ms", request["timeout_ms"].as_int(1000));
  std::string host = at->second;
  if (action == "close") connections_.erase(at);
  hosts_.ask(host, ask, [id, action, answered](base::Json answer) {
    base::Json row = base::Json::object().set("id", id);
    bool lost = answer["lost"].as_bool();
    row.set("state", action == "close" || lost ? "cut" : answer["state"].as_string());
    row.set("reason", lost ? "host process ended" : action == "close" ? "closed" : answer["reason"].as_string());
    answered(base::Json::object().set("connections", base::Json::Array{row}));
  });
}

void Questions::conn_open(const base::Json& request, Answered answered) {
  std::variant<Row, Failure> row = row_of(request, 1000);
  if (auto* failure = std::get_if<Failure>(&row)) return answered(*failure);
  const Row& found = std::get<Row>(row);
  if (found.port.protocol != model::Protocol::tcp)
    return answered(usage_failure({"lab.conn-is-tcp", {found.port.text()}}));
  if (found.no_common_family) return answered(usage_failure({"lab.no-common-family", {request["to"].as_string()}}));
  std::string id = request["id"].as_string();
  connections_[id] = found.from.host;
  base::Json ask = base::Json::object().set("op", "conn_open").set("conn", id).set("to", found.address.text());
  ask.set("port", found.port.text()).set("timeout_ms", request["timeout_ms"].as_int(1000));
  if (!found.from.container.empty()) ask.set("pod", found.from.container);
  hosts_.ask(found.from.host, ask, [id, answered](base::Json answer) {
    base::Json row_json = base::Json::object().set("id", id);
    bool lost = answer["lost"].as_bool();
    row_json.set("state", lost ? "cut" : answer["state"].as_string());
    row_json.set("reason", lost ? "host process ended" : answer["reason"].as_string());
    answered(base::Json::object().set("connections", base::Json::Array{row_json}));
  });
}

void Questions::conn_list(Answered answered) {
  struct Gathered {
    std::map<std::string, base::Json> rows;
    std::size_t open = 1;
    Answered answered;
    void done() {
      if (--open > 0) return;
      base::Json list = base::Json::array();
      for (auto& [id, row] : rows) list.push(row);
      answered(base::Json::object().set("connections", std::move(list)));
    }
  };
  auto gathered = std::make_shared<Gathered>();
  gathered->answered = std::move(answered);
  std::set<std::string> hosts;
  for (const auto& [id, host] : connections_) {
    gathered->rows[id] = base::Json::object().set("id", id).set("state", "cut").set("reason", "host process ended");
    hosts.insert(host);
  }
  gathered->open += hosts.size();
  for (const std::string& host : hosts) {
    hosts_.ask(host, base::Json::object().set("op", "conn_list"), [gathered](base::Json answer) {
      for (const base::Json& row : answer["connections"].items())
        if (gathered->rows.contains(row["id"].as_string())) gathered->rows[row["id"].as_string()] = row;
      gathered->done();
    });
  }
  gathered->done();
}

}  // namespace bailey::lab
