#include "flows/flow.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "base/strings.h"
#include "model/endpoint_name.h"

namespace bailey::flows {
namespace {

using base::Json;

constexpr std::int64_t second = 1'000'000'000;

const char* event_text(Flow::Event event) {
  switch (event) {
    case Flow::Event::open: return "open";
    case Flow::Event::close: return "close";
    case Flow::Event::deny: return "deny";
  }
  return "";
}

std::optional<Flow::Event> event_of(std::string_view text) {
  for (auto event : {Flow::Event::open, Flow::Event::close, Flow::Event::deny})
    if (text == event_text(event)) return event;
  return std::nullopt;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

}  // namespace

std::string time_text(std::int64_t time_ns) {
  std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(time_ns)};
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::int64_t rest = (time - day).count();
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(rest / (3600 * second)), static_cast<int>(rest / (60 * second) % 60),
                static_cast<int>(rest / second % 60), static_cast<int>(rest % second));
  return out.data();
}

std::optional<std::int64_t> time_of(std::string_view text) {
  auto year = digits(text, 0, 4);
  auto month = digits(text, 5, 2);
  auto day = digits(text, 8, 2);
  auto hour = digits(text, 11, 2);
  auto minute = digits(text, 14, 2);
  auto seconds = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !seconds || !text.ends_with('Z')) return std::nullopt;
  bool marked = text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':';
  std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  // What 64 bits of nanoseconds hold ends in 2262.
  if (!marked || !date.ok() || *year < 1970 || *year > 2261 || *hour > 23 || *minute > 59 || *seconds > 60)
    return std::nullopt;
  std::int64_t fraction = 0;
  std::string_view tail = text.substr(19, text.size() - 20);
  if (!tail.empty()) {
    auto value = digits(tail, 1, tail.size() - 1);
    if (tail[0] != '.' || tail.size() < 2 || tail.size() > 10 || !value) return std::nullopt;
    fraction = *value;
    for (std::size_t i = tail.size(); i < 10; ++i) fraction *= 10;
  }
  std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86400 + *hour * 3600 + *minute * 60 + *seconds) * second + fraction;
}

Json to_json(const Flow& flow) {
  return Json::Object{
      {"schema", "bailey.dev/event/v1"},
      {"time", time_text(flow.time_ns)},
      {"node", flow.node},
      {"component", "policy"},
      {"kind", "flow"},
      {"event", event_text(flow.event)},
      {"source", flow.source},
      {"source_address", flow.source_address.text()},
      {"destination", flow.destination},
      {"destination_address", flow.destination_address.text()},
      {"port", flow.port.text()},
      {"direction", flow.direction == Flow::Direction::ingress ? "ingress" : "egress"},
      {"verdict", flow.allow ? "allow" : "deny"},
      {"reason", flow.reason},
      {"object", flow.object},
      {"rule", flow.rule},
      {"bytes", flow.bytes},
      {"packets", flow.packets},
  };
}

std::optional<Flow> flow_of(const Json& json) {
  auto time = time_of(json["time"].as_string());
  auto event = event_of(json["event"].as_string());
  auto source = model::Address::parse(json["source_address"].as_string());
  auto destination = model::Address::parse(json["destination_address"].as_string());
  auto port = model::Port::parse(json["port"].as_string());
  const std::string& direction = json["direction"].as_string();
  const std::string& verdict = json["verdict"].as_string();
  if (json["schema"].as_string() != "bailey.dev/event/v1" || json["kind"].as_string() != "flow") return std::nullopt;
  if (!time || !event || !source || !destination || !port) return std::nullopt;
  if ((direction != "ingress" && direction != "egress") || (verdict != "allow" && verdict != "deny"))
    return std::nullopt;
  Flow out;
  out.time_ns = *time;
  out.node = json["node"].as_string();
  out.event = *event;
  out.source = json["source"].as_string();
  out.source_address = *source;
  out.destination = json["destination"].as_string();
  out.destination_address = *destination;
  out.port = *port;
  out.direction = direction == "ingress" ? Flow::Direction::ingress : Flow::Direction::egress;
  out.allow = verdict == "allow";
  out.reason = json["reason"].as_string();
  out.object = json["object"].as_string();
  out.rule = json["rule"].as_string();
  out.bytes = static_cast<std::uint64_t>(json["bytes"].as_int());
  out.packets = static_cast<std::uint64_t>(json["packets"].as_int());
  return out;
}

std::optional<EndFilter> EndFilter::parse(std::string_view text) {
  EndFilter out;
  if (auto block = model::Prefix::parse(text)) {
    out.block_ = *block;
    return out;
  }
  if (text.ends_with('*')) {
    text.remove_suffix(1);
    bool kind = text.empty() || text.starts_with("pod/") || text.starts_with("node/") || text.starts_with("host/");
    if (!kind || text.find('*') != std::string_view::npos) return std::nullopt;
    out.name_ = text;
    out.start_ = true;
    return out;
  }
  auto name = model::EndpointName::parse(text);
  if (!name) return std::nullopt;
  out.name_ = name->text();
  return out;
}

bool EndFilter::matches(const std::string& name, const model::Address& address) const {
  if (block_) return block_->contains(address);
  return start_ ? name.starts_with(name_) : name == name_;
}

bool Filter::matches(const Flow& flow) const {
  if (from && !from->matches(flow.source, flow.source_address)) return false;
  if (to && !to->matches(flow.destination, flow.destination_address)) return false;
  if (allow && *allow != flow.allow) return false;
  if (!reason.empty() && reason != flow.reason) return false;
  return !port || *port == flow.port;
}

std::string line_of(const Flow& flow, std::string_view verdict) {
  std::string policy = flow.object;
  if (!flow.rule.empty()) policy += " " + flow.rule;
  std::string out = time_text(flow.time_ns).substr(11, 12) + "  " + padded(flow.source, 24) + " -> " +
                    padded(flow.destination + " " + flow.port.text(), 32) + "  " + std::string(verdict) +
                    (flow.allow ? "" : " ") + "  " + padded(flow.reason, 16) + "  " + padded(policy, 40) + "  ";
  if (flow.bytes == 0) return out.substr(0, out.find_last_not_of(' ') + 1);
  return out + std::to_string(flow.bytes) + " B";
}

}  // namespace bailey::flows
