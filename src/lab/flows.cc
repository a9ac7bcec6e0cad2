#include "lab/flows.h"

#include <algorithm>

#include "manifest/objects_json.h"

namespace bailey::lab {
namespace {

constexpr std::int64_t most_flows = 1000;  // of each node in one answer

struct GatheredFlows {
  std::vector<base::Json> flows;
  base::Json next = base::Json::object();
  std::int64_t lost = 0;
  std::size_t open = 1;
  Questions::Answered answered;

  void done() {
    if (--open > 0) return;
    // RFC 3339 in one zone and of one length: as texts they are in the order of time.
    std::stable_sort(flows.begin(), flows.end(), [](const base::Json& a, const base::Json& b) {
      return a["time"].as_string() < b["time"].as_string();
    });
    base::Json list = base::Json::array();
    for (base::Json& flow : flows) list.push(std::move(flow));
    answered(base::Json::object().set("flows", std::move(list)).set("next", std::move(next)).set("lost", lost));
  }
};

}  // namespace

void ask_flows(Hosts& hosts, const base::Json& request, Questions::Answered answered) {
  auto gathered = std::make_shared<GatheredFlows>();
  gathered->answered = std::move(answered);
  for (const std::string& host : hosts.names()) {
    if (!host.starts_with("node/")) continue;
    base::Json ask = base::Json::object().set("op", "flows").set("max", request["max"].as_int(most_flows));
    const base::Json& since = request["since"][host];
    if (since.is_int()) ask.set("since", since);
    ++gathered->open;
    hosts.ask(host, std::move(ask), [gathered, host, since](base::Json answer) {
      for (const base::Json& flow : answer["flows"].items()) gathered->flows.push_back(flow);
      // An agent that has started anew counts anew.
      bool counts = answer["next"].is_int();
      if (counts || since.is_int()) gathered->next.set(host, counts ? answer["next"] : since);
      gathered->lost += answer["lost"].as_int(0);
      gathered->done();
    });
  }
  gathered->done();
}

base::Json policy_documents(const Network& network) {
  base::Json items = base::Json::array();
  for (const model::AnyObject& object : network.current().objects())
    if (base::Json json = manifest::json_of(object); !json.is_null()) items.push(std::move(json));
  base::Json list = base::Json::object().set("apiVersion", "v1").set("kind", "List").set("items", std::move(items));
  base::Json document = base::Json::object().set("file", "<lab>").set("text", list.dump());
  return base::Json::object().set("documents", base::Json::Array{document});
}

}  // namespace bailey::lab
