// Questions to a running network: probes and held connections, by the names of their ends.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <variant>

#include "base/json.h"
#include "lab/hosts.h"
#include "lab/lab.h"
#include "lab/network.h"
#include "model/endpoint_name.h"

namespace bailey::lab {

// Where an endpoint lives and under which addresses it is reached.
struct Place {
  std::string host;       // "" for what only can be asked for (a service, a foreign address)
  std::string container;  // pods with a namespace of their own
  std::vector<model::Address> addresses;
  std::set<model::Port> ports;  // that it serves
};

class Questions {
 public:
  using Answered = std::function<void(Answer<base::Json>)>;

  Questions(Hosts& hosts, Network& network) : hosts_(hosts), network_(network) {}

  std::variant<Place, Failure> find(const model::EndpointName& name) const;
  // Every pod, node and lab host, by name: what the matrix is made of.
  std::vector<std::string> endpoints() const;
  // A row {from, to, port} for every pair and every port that the second serves; or with `families` one with each
  // family that both have.
  base::Json::Array matrix(bool families) const;

  void probe(const base::Json& request, Answered answered);
  void conn(const base::Json& request, Answered answered);

 private:
  struct Row;
  struct Batch;
  std::variant<std::vector<Row>, Failure> rows_of(const base::Json& request) const;
  std::variant<Row, Failure> row_of(const base::Json& json, std::int64_t timeout_ms) const;
  void finish(Batch& batch);
  void conn_open(const base::Json& request, Answered answered);
  void conn_list(Answered answered);

  Hosts& hosts_;
  Network& network_;
  std::map<std::string, std::string> connections_;  // id -> host
};

// Why a packet did not arrive, from the objects: where, by which part, for which reason and object. Null where the
// objects say that it should have arrived.
base::Json why_dropped(const model::Snapshot& snapshot, const Place& from, const model::Address& to, model::Port port,
                       const Place* target);

}  // namespace bailey::lab
