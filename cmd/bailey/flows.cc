// flows: who talked to whom in a lab, as the packet paths of its nodes tell it; or the policies that it needs.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/strings.h"
#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "flows/suggest.h"
#include "manifest/objects_json.h"
#include "manifest/write.h"
#include "options.h"
#include "render.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;

constexpr int poll_ms = 100;
// What a node remembers fits into as many answers; beyond that connections come faster than they are asked for.
constexpr int most_rounds = 10;

struct FlowsOptions {
  std::string lab = "default";
  bool follow = false;
  bool suggest = false;
  std::string from;
  std::string to;
  std::string verdict;
  std::string reason;
  std::vector<std::string> paths;
  Format format = Format::text;
};

// "" fits all; "pod/shop/*" what begins like this; a prefix of addresses what lies in it.
bool fits_end(const std::string& wanted, const std::string& name, const std::string& address) {
  if (wanted.empty() || wanted == name || wanted == address) return true;
  if (wanted.back() == '*') return name.starts_with(wanted.substr(0, wanted.size() - 1));
  std::optional<model::Prefix> block = model::Prefix::parse(wanted);
  std::optional<model::Address> at = model::Address::parse(address);
  return block && at && block->contains(*at);
}

bool fits(const FlowsOptions& options, const Json& flow) {
  return fits_end(options.from, flow["source"].as_string(), flow["source_address"].as_string()) &&
         fits_end(options.to, flow["destination"].as_string(), flow["destination_address"].as_string()) &&
         (options.verdict.empty() || options.verdict == flow["verdict"].as_string()) &&
         (options.reason.empty() || options.reason == flow["reason"].as_string());
}

std::string line_of(const Json& flow, const Session& session) {
  bool allow = flow["verdict"].as_string() == "allow";
  std::string time = flow["time"].as_string();  // of the day, to the millisecond
  std::string out = time.size() > 23 ? time.substr(11, 12) : time;
  out += "  " + flow["source"].as_string() + " -> " + flow["destination"].as_string() + " " + flow["port"].as_string();
  std::string what = flow["event"].as_string();
  out += "  " + painted(what, allow ? Paint::green : Paint::red, session.out_color());
  if (what == "close")
    out += "  " + flow["bytes"].dump() + " B, " + flow["packets"].dump();
  else
    out += "  " + flow["reason"].as_string();
  out += "  " + flow["direction"].as_string();
  if (flow["object"].is_string()) out += "  " + flow["object"].as_string();
  if (flow["rule"].is_string()) out += " " + flow["rule"].as_string();
  return out + "\n";
}

// Nothing: a failure was reported.
std::optional<Json> ask(const FlowsOptions& options, const Json& since, Session& session) {
  Json request = Json::object().set("verb", "flows").set("max", 10000);
  if (since.is_object()) request.set("since", since);
  auto answer = session.engine.request(options.lab, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) {
    report(*failure, {}, options.format, session);
    return std::nullopt;
  }
  return std::get<Json>(answer);
}

std::size_t print(const FlowsOptions& options, const Json& answer, Session& session) {
  std::size_t count = 0;
  for (const Json& flow : answer["flows"].items()) {
    if (!fits(options, flow)) continue;
    session.out(options.format == Format::jsonl ? flow.dump() + "\n" : line_of(flow, session));
    ++count;
  }
  if (std::int64_t lost = answer["lost"].as_int(0); lost > 0)
    session.err(session.text("cli.flows.lost", {std::to_string(lost)}) + "\n");
  return count;
}

void list(const FlowsOptions& options, Session& session) {
  Json next;
  std::size_t count = 0;
  for (int round = 0; options.follow || round < most_rounds; ++round) {
    std::optional<Json> answer = ask(options, next, session);
    if (!answer) return;
    bool more = !(*answer)["flows"].items().empty();
    count += print(options, *answer, session);
    next = (*answer)["next"];
    if (!options.follow && !more) break;
    if (options.follow && !more && !session.wait(poll_ms)) return;
  }
  if (count == 0 && options.format == Format::text) session.err(session.text("cli.flows.none") + "\n");
}

std::vector<flows::SeenFlow> seen_of(const Json& answer, const FlowsOptions& options) {
  std::vector<flows::SeenFlow> out;
  for (const Json& flow : answer["flows"].items()) {
    if (flow["event"].as_string() != "open" || !fits(options, flow)) continue;
    auto source = model::Address::parse(flow["source_address"].as_string());
    auto destination = model::Address::parse(flow["destination_address"].as_string());
    auto port = model::Port::parse(flow["port"].as_string());
    if (!source || !destination || !port) continue;
    out.push_back({flow["source"].as_string(), flow["destination"].as_string(), *source, *destination, *port});
  }
  return out;
}

// Who the pods are: of the manifests, or as the lab has them.
std::optional<model::Snapshot> objects(const FlowsOptions& options, Session& session) {
  std::vector<manifest::Document> documents;
  if (!options.paths.empty()) {
    auto read = read_inputs(options.paths, session);
    if (!read) {
      report_usage(read.error(), options.format, session);
      return std::nullopt;
    }
    documents = *read;
  } else {
    auto answer = session.engine.request(options.lab, Json::object().set("verb", "objects"), {});
    if (auto* failure = std::get_if<lab::Failure>(&answer)) {
      report(*failure, {}, options.format, session);
      return std::nullopt;
    }
    for (const Json& document : std::get<Json>(answer)["documents"].items())
      documents.push_back({document["file"].as_string(), document["text"].as_string()});
  }
  manifest::Loaded loaded = manifest::load_mending(documents, {true}, nullptr);
  if (!loaded.ok()) {
    report(loaded.errors, documents, options.format, session);
    return std::nullopt;
  }
  model::Snapshot given = model::snapshot_of(std::move(loaded.objects));
  return options.paths.empty() ? given : session.engine.complete(given, {});
}

void suggest_policies(const FlowsOptions& options, Session& session) {
  std::vector<flows::SeenFlow> seen;
  Json next;
  for (int round = 0; round < most_rounds; ++round) {
    std::optional<Json> answer = ask(options, next, session);
    if (!answer) return;
    for (flows::SeenFlow& flow : seen_of(*answer, options)) seen.push_back(std::move(flow));
    next = (*answer)["next"];
    if ((*answer)["flows"].items().empty()) break;
  }
  std::optional<model::Snapshot> snapshot = objects(options, session);
  if (!snapshot) return;
  flows::Suggestion suggestion = flows::suggest(seen, *snapshot);
  for (const base::Message& note : suggestion.notes) session.err(session.text(note) + "\n");
  if (suggestion.policies.empty()) return session.err(session.text("cli.flows.nothing-to-suggest") + "\n");
  bool first = true;
  for (const flows::Suggestion::Policy& policy : suggestion.policies) {
    if (!std::exchange(first, false)) session.out("---\n");
    session.out("# " + session.text("cli.flows.covers", {std::to_string(policy.flows)}) + "\n");
    session.out(manifest::yaml_of(manifest::json_of(model::AnyObject(policy.object))));
  }
}

}  // namespace

void add_flows(CLI::App& app, Session& session) {
  auto options = std::make_shared<FlowsOptions>();
  CLI::App* command = app.add_subcommand("flows", session.text("cli.help.flows"));
  command->add_option("--lab", options->lab, session.text("cli.option.name"))->type_name("NAME");
  command->add_flag("--follow", options->follow, session.text("cli.option.follow"));
  command->add_flag("--suggest", options->suggest, session.text("cli.option.suggest"));
  command->add_option("--from", options->from, session.text("cli.option.flows-from"))->type_name("NAME");
  command->add_option("--to", options->to, session.text("cli.option.flows-to"))->type_name("NAME");
  command->add_option("--verdict", options->verdict, session.text("cli.option.verdict"))
      ->check(CLI::IsMember({"allow", "deny"}));
  command->add_option("--reason", options->reason, session.text("cli.option.reason"))->type_name("REASON");
  command->add_option("-f", options->paths, session.text("cli.option.flows-files"))->type_name("PATH");
  add_format(*command, options->format, {Format::text, Format::jsonl}, session);
  command->callback(
      [options, &session] { options->suggest ? suggest_policies(*options, session) : list(*options, session); });
}

}  // namespace bailey::cli
