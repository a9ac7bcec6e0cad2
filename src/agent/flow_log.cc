#include "agent/flow_log.h"

#include <ctime>

namespace bailey::agent {
namespace {

using datapath::Direction;
using datapath::sys::PathEvent;

std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// RFC 3339, to the microsecond.
std::string time_text(std::int64_t time_ns) {
  std::time_t seconds = time_ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string micros = std::to_string(time_ns % 1'000'000'000 / 1000);
  return std::string(date) + "." + std::string(6 - micros.size(), '0') + micros + "Z";
}

std::string port_text(const PathEvent& event) {
  switch (event.protocol) {
    case 1:
    case 58: return "icmp";
    case 6: return std::to_string(event.destination_port) + "/tcp";
    case 17: return std::to_string(event.destination_port) + "/udp";
    case 132: return std::to_string(event.destination_port) + "/sctp";
    default: return std::to_string(event.protocol) + "/ip";
  }
}

const char* kind_text(PathEvent::Kind kind) {
  switch (kind) {
    case PathEvent::Kind::open: return "open";
    case PathEvent::Kind::close: return "close";
    case PathEvent::Kind::drop: return "deny";
  }
  return "";
}

}  // namespace

void FlowLog::add(const PathEvent& event, const FlowNames& names) {
  std::int64_t offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
  records_.push_back(
      {event.time_ns + offset, event, names.name(event.source), names.name(event.destination), names.object(event)});
  if (records_.size() <= size_) return;
  records_.pop_front();
  ++first_;
}

base::Json FlowLog::json_of(const Record& record) const {
  const PathEvent& event = record.event;
  bool ingress = event.direction == Direction::ingress;
  base::Json out = base::Json::object().set("schema", "bailey.dev/event/v1").set("time", time_text(record.time_ns));
  out.set("node", node_).set("component", "policy").set("kind", "flow").set("event", kind_text(event.kind));
  out.set("source", record.source).set("source_address", event.source.text()).set("source_port", event.source_port);
  out.set("destination", record.destination).set("destination_address", event.destination.text());
  out.set("port", port_text(event)).set("direction", ingress ? "ingress" : "egress");
  out.set("verdict", event.kind == PathEvent::Kind::drop ? "deny" : "allow").set("reason", event.reason);
  out.set("object", record.object.empty() ? base::Json() : base::Json(record.object));
  std::string rule = std::string(ingress ? "spec.ingress[" : "spec.egress[");
  out.set("rule", event.by ? base::Json(rule + std::to_string(event.by->rule) + "]") : base::Json());
  return out.set("bytes", static_cast<std::int64_t>(event.bytes))
      .set("packets", static_cast<std::int64_t>(event.packets));
}

base::Json FlowLog::read(std::optional<std::uint64_t> since, std::size_t most) const {
  // Who asks from beyond the last has asked an agent that has ended since.
  std::uint64_t from = since && *since <= next() ? std::max(*since, first_) : first_;
  std::uint64_t until = std::min<std::uint64_t>(next(), from + most);
  base::Json flows = base::Json::array();
  for (std::uint64_t number = from; number < until; ++number)
    flows.push(json_of(records_[static_cast<std::size_t>(number - first_)]));
  base::Json out = base::Json::object().set("flows", std::move(flows));
  out.set("next", static_cast<std::int64_t>(std::max(from, until)));
  return out.set("lost", static_cast<std::int64_t>(since && *since < first_ ? first_ - *since : 0));
}

}  // namespace bailey::agent
