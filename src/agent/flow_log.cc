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

// Of what is no protocol with a name only the addresses are told.
model::Port port_of(const PathEvent& event) {
  switch (event.protocol) {
    case 6: return {event.destination_port, model::Protocol::tcp};
    case 17: return {event.destination_port, model::Protocol::udp};
    case 132: return {event.destination_port, model::Protocol::sctp};
    default: return {0, model::Protocol::icmp};
  }
}

flows::Flow::Event kind_of_event(PathEvent::Kind kind) {
  switch (kind) {
    case PathEvent::Kind::open: return flows::Flow::Event::open;
    case PathEvent::Kind::close: return flows::Flow::Event::close;
    case PathEvent::Kind::drop: return flows::Flow::Event::deny;
  }
  return flows::Flow::Event::open;
}

}  // namespace

void FlowLog::add(const PathEvent& event, const FlowNames& names) {
  bool ingress = event.direction == Direction::ingress;
  flows::Flow flow;
  flow.time_ns = event.time_ns + clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
  flow.node = node_;
  flow.event = kind_of_event(event.kind);
  flow.source = names.name(event.source);
  flow.source_address = event.source;
  flow.source_port = event.source_port;
  flow.destination = names.name(event.destination);
  flow.destination_address = event.destination;
  flow.port = port_of(event);
  flow.direction = ingress ? flows::Flow::Direction::ingress : flows::Flow::Direction::egress;
  flow.allow = event.kind != PathEvent::Kind::drop;
  flow.reason = event.reason;
  flow.object = names.object(event);
  if (event.by) flow.rule = (ingress ? "spec.ingress[" : "spec.egress[") + std::to_string(event.by->rule) + "]";
  flow.bytes = event.bytes;
  flow.packets = event.packets;
  records_.push_back(std::move(flow));
  if (records_.size() <= size_) return;
  records_.pop_front();
  ++first_;
}

base::Json FlowLog::read(std::optional<std::uint64_t> since, std::size_t most) const {
  // Who asks from beyond the last has asked an agent that has ended since.
  std::uint64_t from = since && *since <= next() ? std::max(*since, first_) : first_;
  std::uint64_t until = std::min<std::uint64_t>(next(), from + most);
  base::Json list = base::Json::array();
  for (std::uint64_t number = from; number < until; ++number)
    list.push(flows::to_json(records_[static_cast<std::size_t>(number - first_)]));
  base::Json out = base::Json::object().set("flows", std::move(list));
  out.set("next", static_cast<std::int64_t>(std::max(from, until)));
  return out.set("lost", static_cast<std::int64_t>(since && *since < first_ ? first_ - *since : 0));
}

}  // namespace bailey::agent
