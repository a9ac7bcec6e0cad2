// Flow records: connections that a packet path let pass or dropped, as its nodes tell of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/address.h"
#include "model/object.h"

namespace bailey::flows {

struct Flow {
  enum class Event : std::uint8_t { open, close, deny };
  enum class Direction : std::uint8_t { ingress, egress };

  std::int64_t time_ns = 0;  // nanoseconds since 1970, UTC
  std::string node;          // that judged it
  Event event = Event::open;
  std::string source;  // "pod/NS/NAME", "node/NAME", or the address
  model::Address source_address;
  std::uint16_t source_port = 0;  // 0 where unknown; the JSON form has none
  std::string destination;
  model::Address destination_address;
  model::Port port;                          // the destination's
  Direction direction = Direction::ingress;  // the end at which it was judged
  bool allow = true;
  std::string reason;  // stable code; "" where there is none
  std::string object;  // the deciding policy, "NetworkPolicy/NS/NAME"; "" where none decides
  std::string rule;    // "spec.ingress[0]", or ""
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
};

// The event document bailey.dev/event/v1 of kind "flow", with its schema. Times have nanoseconds.
base::Json to_json(const Flow& flow);
// Empty where it is no such document or a field cannot be read. Keys that are not known are passed over.
std::optional<Flow> flow_of(const base::Json& json);

// "2026-01-31T09:00:00.000000123Z"
std::string time_text(std::int64_t time_ns);
// Of UTC ("Z") alone, with up to nine digits of a fraction.
std::optional<std::int64_t> time_of(std::string_view text);

// One end of a flow as a filter names it: a name, the start of one before '*' ("pod/shop/*"), an address or a CIDR.
class EndFilter {
 public:
  static std::optional<EndFilter> parse(std::string_view text);
  bool matches(const std::string& name, const model::Address& address) const;

 private:
  std::string name_;
  bool start_ = false;
  std::optional<model::Prefix> block_;
};

struct Filter {
  std::optional<EndFilter> from;
  std::optional<EndFilter> to;
  std::optional<bool> allow;
  std::string reason;  // "": every one
  std::optional<model::Port> port;
  bool matches(const Flow& flow) const;
};

// One line in columns, without its end: time of day, source -> destination and port, verdict, reason, policy, bytes.
// `verdict` is what stands for "allow" or "deny", in whatever colour; names longer than a column push the rest.
std::string line_of(const Flow& flow, std::string_view verdict);

}  // namespace bailey::flows
