// Each kind of row has one comparison that gives a reason, or none where the answer is as expected. The mark
// `pending` is looked at afterwards, so that it never changes what "passes" means.
#include <algorithm>

#include "lab/expectations/expectations.h"

namespace bailey::lab {
namespace {

using base::Json;
using base::Message;
using model::Address;
using model::EndpointName;

using Reason = std::optional<Message>;

std::string shown(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.as_string() : value.dump();
}

std::string joined(const std::vector<Address>& addresses) {
  std::string out;
  for (const Address& address : addresses) out += (out.empty() ? "" : ", ") + address.text();
  return out.empty() ? "-" : out;
}

bool same_endpoint(const std::string& a, const std::string& b) {
  auto x = EndpointName::parse(a);
  auto y = EndpointName::parse(b);
  return x && y ? x == y : a == b;
}

Reason compare_answered_by(const std::string& expected, const Json& found, const Facts& facts) {
  if (expected.empty() || same_endpoint(expected, found.as_string())) return std::nullopt;
  bool behind = std::any_of(facts.service_pods.begin(), facts.service_pods.end(),
                            [&](const std::string& pod) { return same_endpoint(pod, found.as_string()); });
  if (expected.starts_with("svc/") && behind) return std::nullopt;
  return Message{"expect.answered-by", {expected, shown(found)}};
}

Reason compare_source(const std::string& expected, const Json& found, const Facts& facts) {
  if (expected.empty()) return std::nullopt;
  std::optional<Address> seen = Address::parse(found.as_string());
  if (!seen) return Message{"expect.no-source", {expected}};
  std::vector<Address> right;
  if (expected == "pod")
    right = facts.pod;
  else if (expected == "node")
    right = facts.node;
  else
    right = {*Address::parse(expected)};
  if (std::find(right.begin(), right.end(), *seen) != right.end()) return std::nullopt;
  return Message{"expect.source", {expected, joined(right), seen->text()}};
}

Reason compare_decided_by(const ReachExpectation& row, const Json& answer) {
  if (row.decided_by.empty()) return std::nullopt;
  std::string found;
  auto is_it = [&](const Json& object) {
    found += (found.empty() ? "" : ", ") + object.as_string();
    auto ref = model::ObjectRef::parse(object.as_string());
    return (ref ? ref->text() : object.as_string()) == row.decided_by;
  };
  if (answer["decided_by"].is_array()) {
    for (const Json& step : answer["decided_by"].items())
      if (is_it(step.is_object() ? step["object"] : step)) return std::nullopt;
  } else if (!answer["dropped_at"]["object"].as_string().empty()) {
    if (is_it(answer["dropped_at"]["object"])) return std::nullopt;
  } else if (row.allow) {
    return std::nullopt;  // a packet that arrives does not say who let it through
  }
  return Message{"expect.decided-by", {row.decided_by, found.empty() ? "-" : found}};
}

Reason compare(const ReachExpectation& row, const Json& answer, const Facts& facts) {
  std::string result = answer["result"].as_string();
  if (result.empty() && answer["verdict"].is_string())
    result = answer["verdict"].as_string() == "allow" ? "open" : "denied";
  if (result.empty()) return Message{"expect.no-answer", {}};
  // Nothing was sent, so nothing was denied.
  if (answer["dropped_at"]["reason"].as_string() == "no-common-family") return Message{"expect.no-common-family", {}};
  bool open = result == "open";
  if (open != row.allow) {
    std::string why = answer["dropped_at"]["reason"].as_string();
    return Message{row.allow ? "expect.not-open" : "expect.open", {result + (why.empty() ? "" : " (" + why + ")")}};
  }
  if (Reason reason = compare_decided_by(row, answer)) return reason;
  if (!open) return std::nullopt;
  if (Reason reason = compare_source(row.source_seen, answer["source_seen"], facts)) return reason;
  return compare_answered_by(row.answered_by, answer["answered_by"], facts);
}

Reason compare(const HttpExpectation& row, const Json& answer, const Facts& facts) {
  if (answer["error"].is_string()) return Message{"expect.http-error", {answer["error"].as_string()}};
  if (!answer["status"].is_int()) return Message{"expect.no-answer", {}};
  if (answer["status"].as_int() != row.status)
    return Message{"expect.status", {std::to_string(row.status), std::to_string(answer["status"].as_int())}};
  return compare_answered_by(row.answered_by, answer["answered_by"], facts);
}

Reason compare(const CommandExpectation& row, const Json& answer, const Facts&) {
  if (!answer["exit"].is_int()) return Message{"expect.no-answer", {}};
  if (answer["exit"].as_int() != row.exit)
    return Message{"expect.exit", {std::to_string(row.exit), std::to_string(answer["exit"].as_int())}};
  const std::string& out = answer["stdout"].as_string();
  for (const std::string& wanted : row.stdout_has)
    if (out.find(wanted) == std::string::npos) return Message{"expect.stdout-lacks", {wanted}};
  for (const std::string& unwanted : row.stdout_lacks)
    if (out.find(unwanted) != std::string::npos) return Message{"expect.stdout-has", {unwanted}};
  return std::nullopt;
}

Reason compare(std::monostate, const Json&, const Facts&) { return Message{"expect.nothing-to-see", {}}; }

const EndpointName* asker(const Expectation& row) {
  if (const auto* reach = std::get_if<ReachExpectation>(&row.what)) return &reach->from;
  if (const auto* http = std::get_if<HttpExpectation>(&row.what)) return &http->from;
  return nullptr;
}

std::string expected_answerer(const Expectation& row) {
  if (const auto* reach = std::get_if<ReachExpectation>(&row.what)) return reach->answered_by;
  if (const auto* http = std::get_if<HttpExpectation>(&row.what)) return http->answered_by;
  return "";
}

std::vector<Address> addresses(const Json& list) {
  std::vector<Address> out;
  for (const Json& item : list.items())
    if (auto address = Address::parse(item.as_string())) out.push_back(*address);
  return out;
}

std::vector<Address> node_addresses(const Json& status, const std::string& node) {
  for (const Json& host : status["hosts"].items())
    if (host["name"].as_string() == "node/" + node) return addresses(host["addresses"]);
  return {};
}

}  // namespace

Json question(const Expectation& row) {
  Json out = Json::object().set("id", row.id);
  const auto* reach = std::get_if<ReachExpectation>(&row.what);
  if (!reach) return out;
  out.set("from", reach->from.text()).set("to", reach->to.text()).set("port", reach->port.text());
  if (reach->family) out.set("family", *reach->family == model::Family::v4 ? 4 : 6);
  return out;
}

Facts facts_of(const Json& status, const Expectation& row) {
  Facts facts;
  const EndpointName* from = asker(row);
  if (from && from->type == EndpointName::Type::node) facts.node = node_addresses(status, from->name);
  if (from && from->type == EndpointName::Type::pod)
    for (const Json& pod : status["pods"].items()) {
      if (pod["namespace"].as_string() != from->ns || pod["name"].as_string() != from->name) continue;
      facts.pod = addresses(pod["addresses"]);
      facts.node = node_addresses(status, pod["node"].as_string());
    }
  auto answerer = EndpointName::parse(expected_answerer(row));
  if (answerer && answerer->type == EndpointName::Type::service)
    for (const Json& service : status["services"].items())
      if (service["namespace"].as_string() == answerer->ns && service["name"].as_string() == answerer->name)
        for (const Json& pod : service["pods"].items()) facts.service_pods.push_back(pod.as_string());
  return facts;
}

std::string_view name(Verdict verdict) {
  constexpr std::string_view names[] = {"passed", "failed", "pending"};
  return names[static_cast<int>(verdict)];
}

Outcome judge(const Expectation& row, const Json& answer, const Facts& facts) {
  Reason reason = std::visit([&](const auto& what) { return compare(what, answer, facts); }, row.what);
  if (!row.pending) return reason ? Outcome{Verdict::failed, *reason} : Outcome{Verdict::passed, {}};
  if (reason) return {Verdict::pending, *reason};
  return {Verdict::failed, {"expect.pending-passes", {}}};
}

void Summary::count(Verdict verdict) {
  if (verdict == Verdict::passed) ++passed;
  if (verdict == Verdict::failed) ++failed;
  if (verdict == Verdict::pending) ++pending;
}

Message Summary::message() const {
  return {"expect.summary", {std::to_string(passed), std::to_string(failed), std::to_string(pending)}};
}

}  // namespace bailey::lab
