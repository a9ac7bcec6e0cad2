// flows: what the packet path of a lab tells of connections, and the policies that they would need.
#include "flows/flow.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <ctime>

#include "commands.h"
#include "diagnostics.h"
#include "flows/suggest.h"
#include "manifest/objects_json.h"
#include "manifest/write.h"
#include "objects.h"
#include "options.h"
#include "watch.h"

namespace bailey::cli {
namespace {

using base::Json;

constexpr int most_a_request = 1000;
constexpr int poll_ms = 100;

struct FlowsOptions {
  std::string lab = "default";
  bool follow = false;
  bool suggest = false;
  std::string from;
  std::string to;
  std::string port;
  std::string verdict;
  std::string reason;
  std::vector<std::string> paths;
  Format format = Format::text;
};

// What a run of the command has read so far.
struct FlowsSeen {
  Json next = Json::object();
  std::vector<flows::Flow> fresh;  // of the last read
  std::size_t all = 0;
  std::size_t shown = 0;
};

std::optional<flows::Filter> flow_filter(const FlowsOptions& options, Session& session) {
  flows::Filter out;
  for (const auto& [text, end] : {std::pair{&options.from, &out.from}, {&options.to, &out.to}}) {
    if (text->empty()) continue;
    *end = flows::EndFilter::parse(*text);
    if (*end) continue;
    report_usage(session.text("cli.flows.bad-end", {*text}), options.format, session);
    return std::nullopt;
  }
  if (!options.port.empty() && !(out.port = model::Port::parse(options.port))) {
    report_usage(session.text("cli.bad-port", {options.port}), options.format, session);
    return std::nullopt;
  }
  if (!options.verdict.empty()) out.allow = options.verdict == "allow";
  out.reason = options.reason;
  return out;
}

// Everything that the lab has kept since the last read.
std::optional<lab::Failure> read_flows(const FlowsOptions& options, FlowsSeen& seen, Session& session) {
  seen.fresh.clear();
  std::int64_t lost = 0;
  std::size_t unreadable = 0;
  while (true) {
    Json request = Json::object().set("verb", "flows").set("max", most_a_request);
    if (!seen.next.members().empty()) request.set("since", seen.next);
    auto answer = session.engine.request(options.lab, request, {});
    if (auto* failure = std::get_if<lab::Failure>(&answer)) return *failure;
    const Json& document = std::get<Json>(answer);
    for (const Json& row : document["flows"].items()) {
      std::optional<flows::Flow> flow = flows::flow_of(row);
      if (flow)
        seen.fresh.push_back(std::move(*flow));
      else
        ++unreadable;
    }
    lost += document["lost"].as_int();
    bool more = document["flows"].items().size() >= most_a_request && document["next"] != seen.next;
    if (document["next"].is_object()) seen.next = document["next"];
    if (!more) break;
  }
  seen.all += seen.fresh.size();
  if (lost > 0) session.err(session.text("cli.flows.lost", {std::to_string(lost)}) + "\n");
  if (unreadable > 0) session.err(session.text("cli.flows.unreadable", {std::to_string(unreadable)}) + "\n");
  return std::nullopt;
}

void show_flows(const flows::Filter& filter, Format format, FlowsSeen& seen, const Session& session) {
  std::string out;
  for (const flows::Flow& flow : seen.fresh) {
    if (!filter.matches(flow)) continue;
    ++seen.shown;
    if (format == Format::jsonl)
      out += flows::to_json(flow).dump() + "\n";
    else
      out += flows::line_of(flow, painted(flow.allow ? "allow" : "deny", flow.allow ? Paint::green : Paint::red,
                                          session.out_color())) +
             "\n";
  }
  if (!out.empty()) session.out(out);
}

void tell_of_none(const FlowsOptions& options, const FlowsSeen& seen, const Session& session) {
  if (seen.all == 0)
    session.err(session.text("cli.flows.none", {options.lab}) + "\n");
  else if (seen.shown == 0)
    session.err(session.text("cli.flows.none-matches", {std::to_string(seen.all)}) + "\n");
}

// False when SIGINT or SIGTERM came, which must be blocked.
bool wait_for_flows(int milliseconds) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  timespec time{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * 1000000};
  return ::sigtimedwait(&stop, nullptr, &time) < 0;
}

void follow_flows(const FlowsOptions& options, const flows::Filter& filter, FlowsSeen& seen, Session& session) {
  auto wait = session.wait;
  if (!wait) {
    if (base::Status blocked = block_signals(); !blocked) return report_usage(blocked.error(), options.format, session);
    wait = wait_for_flows;
  }
  while (wait(poll_ms)) {
    if (auto failure = read_flows(options, seen, session)) {
      if (failure->kind != lab::Failure::Class::usage) return report(*failure, {}, options.format, session);
      return session.err(session.text("cli.flows.ended", {options.lab}) + "\n");
    }
    show_flows(filter, options.format, seen, session);
  }
}

// Pods, nodes and namespaces of the lab; empty when they cannot be had, which has been reported then.
std::optional<model::Snapshot> objects_of_lab(const FlowsOptions& options, Session& session) {
  Json kinds = Json::Array{"Namespace", "Node", "Pod"};
  auto answer = session.engine.request(options.lab, Json::object().set("verb", "objects").set("kinds", kinds), {});
  if (const auto* failure = std::get_if<lab::Failure>(&answer)) {
    report(*failure, {}, options.format, session);
    return std::nullopt;
  }
  std::vector<manifest::Document> documents;
  for (const Json& row : std::get<Json>(answer)["documents"].items())
    documents.push_back({row["file"].as_string(), row["text"].as_string()});
  manifest::Loaded loaded = manifest::load(documents, {});
  if (!loaded.ok()) {
    report(loaded.errors, documents, options.format, session);
    return std::nullopt;
  }
  return model::snapshot_of(loaded.objects);
}

void suggest_policies(const FlowsOptions& options, const flows::Filter& filter, FlowsSeen& seen, Session& session) {
  std::vector<flows::Flow> chosen;
  for (flows::Flow& flow : seen.fresh)
    if (filter.matches(flow)) chosen.push_back(std::move(flow));
  seen.shown = chosen.size();
  if (chosen.empty()) return tell_of_none(options, seen, session);
  ObjectOptions files;
  files.paths = options.paths;
  auto objects = options.paths.empty() ? objects_of_lab(options, session) : objects_of(files, options.format, session);
  if (!objects) return;
  flows::Suggestions found = flows::suggest(chosen, *objects);
  std::string out;
  for (flows::Suggested& each : found.policies) {
    auto policy = std::make_shared<const model::NetworkPolicy>(std::move(each.policy));
    if (!out.empty()) out += "---\n";
    out += "# " + session.text("cli.flows.covers", {std::to_string(each.flows)}) + "\n" +
           manifest::yaml_of(manifest::json_of(policy));
  }
  session.out(out);
  for (const base::Message& note : found.notes) session.err(session.text(note) + "\n");
  if (found.policies.empty()) session.err(session.text("cli.flows.none-allowed") + "\n");
}

void run_flows(const FlowsOptions& options, Session& session) {
  if (options.follow && options.suggest)
    return report_usage(session.text("cli.flows.follow-suggest"), options.format, session);
  if (!options.paths.empty() && !options.suggest)
    return report_usage(session.text("cli.flows.files-suggest"), options.format, session);
  std::optional<flows::Filter> filter = flow_filter(options, session);
  if (!filter) return;
  FlowsSeen seen;
  if (auto failure = read_flows(options, seen, session)) return report(*failure, {}, options.format, session);
  if (options.suggest) return suggest_policies(options, *filter, seen, session);
  show_flows(*filter, options.format, seen, session);
  if (options.follow) return follow_flows(options, *filter, seen, session);
  tell_of_none(options, seen, session);
}

}  // namespace

void add_flows(CLI::App& parent, Session& session) {
  auto options = std::make_shared<FlowsOptions>();
  CLI::App* command = parent.add_subcommand("flows", session.text("cli.help.flows"));
  const Session* s = &session;
  command->add_option("-n,--lab,--name", options->lab, session.text("cli.option.name"))
      ->check([s](const std::string& text) {
        return is_lab_name(text) ? std::string() : s->text("cli.bad-lab-name", {text});
      })
      ->type_name("NAME")
      ->capture_default_str();
  command->add_flag("--follow", options->follow, session.text("cli.option.flows-follow"));
  command->add_option("--from", options->from, session.text("cli.option.flows-from"))->type_name("END");
  command->add_option("--to", options->to, session.text("cli.option.flows-to"))->type_name("END");
  command->add_option("--port", options->port, session.text("cli.option.flows-port"))->type_name("PORT");
  command->add_option("--verdict", options->verdict, session.text("cli.option.verdict"))
      ->check(CLI::IsMember({"allow", "deny"}))
      ->type_name("allow|deny");
  command->add_option("--reason", options->reason, session.text("cli.option.reason"))->type_name("CODE");
  command->add_flag("--suggest", options->suggest, session.text("cli.option.suggest"));
  command->add_option("-f,--filename", options->paths, session.text("cli.option.flows-files"))
      ->type_name("PATH")
      ->allow_extra_args(false);
  add_format(*command, options->format, {Format::text, Format::jsonl}, session);
  command->callback([options, &session] { run_flows(*options, session); });
}

}  // namespace bailey::cli
