// Tables of the lab's documents. The topology has a file of its own.
#include "render.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "table.h"

namespace bailey::cli {

using base::Json;

namespace {

std::string joined(const Json& list, std::string_view separator) {
  std::string out;
  for (const Json& item : list.items()) {
    if (!out.empty()) out += separator;
    out += item.is_string() ? item.as_string() : item.dump();
  }
  return out;
}

Paint paint_of(std::string_view result) {
  if (result == "open") return Paint::green;
  if (result == "refused") return Paint::yellow;
  return Paint::red;
}

// "fabric: no-route (VirtualNetwork/hub)"
std::string dropped_text(const Json& dropped) {
  if (!dropped.is_object()) return "";
  std::string out = dropped["host"].as_string();
  if (const std::string& reason = dropped["reason"].as_string(); !reason.empty())
    out += (out.empty() ? "" : ": ") + reason;
  if (const std::string& object = dropped["object"].as_string(); !object.empty()) out += " (" + object + ")";
  return out;
}

std::string ports_text(const Json& ports) {
  std::string out;
  for (const Json& port : ports.items()) {
    std::string text = port.as_string();
    if (port.is_object()) {
      const Json& number = port.has("port") ? port["port"] : port["number"];
      text = number.is_string() ? number.as_string() : std::to_string(number.as_int());
      if (const std::string& protocol = port["protocol"].as_string();
          !protocol.empty() && text.find('/') == std::string::npos)
        text += "/" + protocol;
    }
    out += (out.empty() ? "" : " ") + text;
  }
  return out;
}

std::string services_text(const Json& services, const Session& session, bool color) {
  std::vector<TableRow> rows;
  for (const Json& service : services.items())
    rows.push_back({{"svc/" + service["namespace"].as_string() + "/" + service["name"].as_string()},
                    {service["type"].as_string()},
                    {joined(service["addresses"], " ")},
                    {ports_text(service["ports"])}});
  if (rows.empty()) return "";
  return "\n" + table({session.text("cli.head.service"), session.text("cli.head.type"),
                       session.text("cli.head.address"), session.text("cli.head.ports")},
                      rows, color);
}

std::string count_of(const Json& count) { return count.is_string() ? count.as_string() : count.dump(); }

// What nodes and pods use of the addresses of VNets.
std::string subnets_text(const Json& subnets, const Session& session, bool color) {
  std::vector<TableRow> rows;
  for (const Json& subnet : subnets.items())
    rows.push_back({{subnet["name"].as_string()},
                    {"IPv" + subnet["family"].dump()},
                    {count_of(subnet["nodes"])},
                    {count_of(subnet["pods_reserved"])},
                    {count_of(subnet["pods_held"])},
                    {count_of(subnet["free"])}});
  if (rows.empty()) return "";
  std::vector<std::string> head;
  for (const char* id : {"subnet-addresses", "family", "of-nodes", "for-pods", "of-pods", "free"})
    head.push_back(session.text(std::string("cli.head.") + id));
  return "\n" + table(head, rows, color);
}

}  // namespace

std::string duration_text(double milliseconds) {
  if (milliseconds < 10) return fmt::format("{:.2f} ms", milliseconds);
  if (milliseconds < 1000) return fmt::format("{:.0f} ms", milliseconds);
  if (milliseconds < 60000) return fmt::format("{:.1f} s", milliseconds / 1000);
  auto minutes = static_cast<long long>(milliseconds / 60000);
  if (minutes < 120) return fmt::format("{} min", minutes);
  return fmt::format("{} h", minutes / 60);
}

std::string headline(const Json& status, const Session& session, bool color) {
  bool ready = status["ready"].as_bool();
  return session.text(
             "cli.lab",
             {painted(status["name"].as_string(), Paint::bold, color), std::to_string(status["generation"].as_int()),
              painted(session.text(ready ? "cli.ready" : "cli.not-ready"), ready ? Paint::green : Paint::yellow, color),
              duration_text(status["seconds"].as_double() * 1000)}) +
         "\n";
}

std::string conditions_text(const Json& conditions, const Session& session, bool color) {
  std::string out;
  for (const Json& condition : conditions.items()) {
    if (condition["status"].as_bool()) continue;
    const Json& object = condition["object"];
    std::string message = session.text(message_of(condition["message"]));
    out += painted(object.as_string(), Paint::yellow, color) + ": " + condition["type"].as_string();
    if (const std::string& reason = condition["reason"].as_string(); !reason.empty()) out += " (" + reason + ")";
    if (!message.empty()) out += ": " + message;
    out += "\n";
  }
  return out;
}

std::string status_text(const Json& status, const Session& session, bool color) {
  std::string out = headline(status, session, color) + "\n" + topology(status, session, color);
  out += services_text(status["services"], session, color);
  out += subnets_text(status["subnets"], session, color);
  if (const Json& off = status["fabric"]["off"]; off.is_string())
    out += "\n" + session.text("cli.fabric-slow", {off.as_string()}) + "\n";
  std::string conditions = conditions_text(status["conditions"], session, color);
  if (!conditions.empty()) out += "\n" + conditions;
  return out;
}

std::string probe_text(const Json& document, const Session& session, bool color) {
  std::array<std::string_view, 4> names = {"open", "refused", "dropped", "unreachable"};
  std::array<std::size_t, 4> counts{};
  std::vector<TableRow> rows;
  for (const Json& row : document["rows"].items()) {
    const std::string& result = row["result"].as_string();
    for (std::size_t i = 0; i < names.size(); ++i) counts[i] += names[i] == result;
    bool open = result == "open";
    rows.push_back({{row["id"].is_string() ? row["id"].as_string()
                     : row.has("id")       ? row["id"].dump()
                                           : ""},
                    {row["from"].as_string()},
                    {row["to"].as_string()},
                    {row["port"].as_string()},
                    {row.has("family") && !row["family"].is_null() ? "IPv" + row["family"].dump() : ""},
                    {result, paint_of(result)},
                    {row["source_seen"].as_string(), Paint::cyan},
                    {row["answered_by"].as_string()},
                    {row["hops"].is_int() ? std::to_string(row["hops"].as_int()) : ""},
                    {open && row["rtt_us"].is_number() ? duration_text(row["rtt_us"].as_double() / 1000) : ""},
                    {dropped_text(row["dropped_at"]), Paint::red}});
  }
  std::vector<std::string> head;
  for (const char* id :
       {"id", "from", "to", "port", "family", "result", "source-seen", "answered-by", "hops", "time", "dropped-at"})
    head.push_back(session.text(std::string("cli.head.") + id));
  std::string summary;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (counts[i] == 0) continue;
    summary += (summary.empty() ? "" : ", ") + std::to_string(counts[i]) + " " + std::string(names[i]);
  }
  if (rows.empty()) return session.text("cli.no-rows") + "\n";
  return table(head, rows, color) + summary + "\n";
}

std::string compare_text(const Json& document, const Session& session, bool color) {
  std::vector<std::string> head;
  for (const char* id : {"id", "from", "to", "port", "family"})
    head.push_back(session.text(std::string("cli.head.") + id));
  for (const Json& lab : document["labs"].items()) {
    head.push_back(lab["name"].as_string());
    for (const char* id : {"source-seen", "hops", "time"}) head.push_back(session.text(std::string("cli.head.") + id));
  }
  std::vector<TableRow> rows;
  for (const Json& row : document["rows"].items()) {
    TableRow cells{{row["id"].as_string()},
                   {row["from"].as_string()},
                   {row["to"].as_string()},
                   {row["port"].as_string()},
                   {row["family"].is_int() ? "IPv" + row["family"].dump() : ""}};
    for (const Json& answer : row["answers"].items()) {
      const std::string& result = answer["result"].as_string();
      cells.push_back({result, paint_of(result)});
      cells.push_back({answer["source_seen"].as_string(), Paint::cyan});
      cells.push_back({answer["hops"].is_int() ? answer["hops"].dump() : ""});
      cells.push_back({answer["rtt_us"].is_int() ? duration_text(answer["rtt_us"].as_double() / 1000) : ""});
    }
    rows.push_back(std::move(cells));
  }
  std::string out = rows.empty() ? session.text("cli.no-rows") + "\n" : table(head, rows, color);
  for (const Json& lab : document["labs"].items()) {
    std::string models;
    for (const Json& cluster : lab["clusters"].items())
      models += (models.empty() ? "" : ", ") + cluster["network_model"].as_string();
    for (const Json& subnet : lab["subnets"].items())
      out += session.text("cli.compare-subnet",
                          {lab["name"].as_string(), models, subnet["name"].as_string(), subnet["family"].dump(),
                           subnet["nodes"].dump(), subnet["pods_reserved"].dump(), subnet["pods_held"].dump(),
                           subnet["free"].is_string() ? subnet["free"].as_string() : subnet["free"].dump()}) +
             "\n";
  }
  return out;
}

std::string connections_text(const Json& document, const Session& session, bool color) {
  std::vector<TableRow> rows;
  for (const Json& row : document["connections"].items()) {
    const std::string& state = row["state"].as_string();
    rows.push_back({{row["id"].is_string() ? row["id"].as_string() : row["id"].dump()},
                    {row["from"].as_string()},
                    {row["to"].as_string()},
                    {row["port"].as_string()},
                    {state, state == "open" ? Paint::green : Paint::red},
                    {row["reason"].as_string()}});
  }
  if (rows.empty()) return session.text("cli.no-connections") + "\n";
  return table({session.text("cli.head.id"), session.text("cli.head.from"), session.text("cli.head.to"),
                session.text("cli.head.port"), session.text("cli.head.state"), session.text("cli.head.reason")},
               rows, color);
}

std::string labs_text(const Json& document, const Session& session, bool color) {
  std::vector<TableRow> rows;
  for (const Json& lab : document["labs"].items())
    rows.push_back({{lab["name"].as_string(), Paint::bold},
                    {std::to_string(lab["hosts"].as_int())},
                    {std::to_string(lab["pods"].as_int())},
                    {duration_text(lab["seconds"].as_double() * 1000)},
                    {std::to_string(lab["pid"].as_int())}});
  if (rows.empty()) return session.text("cli.no-labs") + "\n";
  return table({session.text("cli.head.lab"), session.text("cli.head.hosts"), session.text("cli.head.pods"),
                session.text("cli.head.age"), session.text("cli.head.pid")},
               rows, color);
}

std::string route_text(const Json& document, const Session& session) {
  const std::string& address = document["next_hop_address"].as_string();
  std::string hop = document["next_hop_type"].as_string() + (address.empty() ? "" : " " + address);
  return session.text("cli.route", {document["from"].as_string(), document["to"].as_string(), hop,
                                    document["prefix"].as_string(), document["source"].as_string()}) +
         "\n";
}

}  // namespace bailey::cli
