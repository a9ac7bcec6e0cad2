// reach: who reaches whom, from the objects alone, without a network and without root. One row, the rows of a file,
// every pair, or which route a packet takes.
//
// Asked for one row, the exit status is the answer: 0 allow, 1 deny. An expectations file is judged as `lab test`
// does, 1 when a row fails; its rows that need a network are left out.
#include "reach/reach.h"

#include <CLI/CLI.hpp>

#include "base/strings.h"
#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "lab/expectations/expectations.h"
#include "model/resolve/interfaces.h"
#include "model/resolve/services.h"
#include "objects.h"
#include "options.h"
#include "reach/route.h"
#include "reach/url.h"
#include "reach_text.h"
#include "render.h"
#include "rows.h"
#include "tree.h"

namespace bailey::cli {
namespace {

using base::Json;

struct ReachOptions {
  ObjectOptions objects;
  bool route = false;
  RowOptions row;
  std::string cases;
  std::string url;
  reach::RequestHead head;
  std::vector<std::string> headers;  // "Name: value"
  Format format = Format::text;
};

std::string interface_names(const model::Snapshot& snapshot) {
  std::string names;
  for (const model::resolve::Interface& each : model::resolve::interfaces(snapshot))
    names += (names.empty() ? "nic/" : ", nic/") + each.name;
  return names;
}

void route(const ReachOptions& options, Session& session) {
  auto from = model::EndpointName::parse(options.row.from);
  auto to = model::Address::parse(options.row.to);
  if (!from || !to) return report_usage(session.text("cli.route-needs"), options.format, session);
  std::optional<model::Snapshot> snapshot = objects_of(options.objects, options.format, session);
  if (!snapshot) return;
  auto interface = reach::interface_of(*snapshot, *from);
  auto decision = interface ? reach::route(*snapshot, interface->subnet, *to) : std::nullopt;
  if (!decision)
    return report_usage(session.text("cli.no-interface", {options.row.from, interface_names(*snapshot)}),
                        options.format, session);
  Json document = reach::to_json(*decision);
  document.set("from", from->text()).set("to", to->text());
  if (options.format == Format::json)
    session.out_json("route", document);
  else
    session.out(route_text(document, session));
}

// One row and its answer, which is the exit status too. Empty where there is none, which has been reported then.
std::optional<std::pair<Json, reach::Answer>> answer_to(const RowOptions& asked, const ObjectOptions& objects,
                                                        Format format, Session& session) {
  auto fail = [&](const std::string& text) {
    report_usage(text, format, session);
    return std::nullopt;
  };
  RowOrMistake row = row_of(asked, session);
  if (!row.row) return fail(row.mistake);
  std::optional<model::Snapshot> snapshot = objects_of(objects, format, session);
  if (!snapshot) return std::nullopt;
  auto answer = reach::Reach(*snapshot).ask(*question_of(*row.row));
  if (auto* mistake = std::get_if<base::Message>(&answer)) return fail(session.text(*mistake));
  auto& found = std::get<reach::Answer>(answer);
  if (!found.allow) session.status = exit_status::no;
  return std::pair(*row.row, std::move(found));
}

void one(const ReachOptions& options, Session& session) {
  auto told = answer_to(options.row, options.objects, options.format, session);
  if (!told) return;
  const auto& [row, found] = *told;
  if (options.format == Format::text) return session.out(answer_text(row, found, session));
  session.out_json("reach", row_json(row, found), options.format == Format::jsonl);
}

// Which Service answers for a URL; 0 where one does.
void url_answer(const ReachOptions& options, Session& session) {
  std::optional<reach::Url> url = reach::Url::parse(options.url);
  if (!url) return report_usage(session.text("cli.bad-url", {options.url}), options.format, session);
  reach::RequestHead head = options.head;
  for (const std::string& text : options.headers) {
    std::size_t colon = text.find(':');
    if (colon == 0 || colon == std::string::npos)
      return report_usage(session.text("cli.bad-header", {text}), options.format, session);
    head.headers.emplace_back(text.substr(0, colon), base::trim(std::string_view(text).substr(colon + 1)));
  }
  std::optional<model::Snapshot> snapshot = objects_of(options.objects, options.format, session);
  if (!snapshot) return;
  reach::UrlAnswer found = reach::answer(*snapshot, *url, head);
  if (!found.good()) session.status = exit_status::no;
  if (options.format == Format::text) return session.out(url_text(*url, found, session));
  session.out_json("reach", reach::to_json(*url, found), options.format == Format::jsonl);
}

// What an expectation may say of a pod, a node or a Service, as addresses.
lab::Facts facts_of(const reach::Reach& reach, const lab::ReachExpectation& row) {
  lab::Facts facts;
  std::optional<reach::Place> from = reach.world().find(row.from);
  if (from && from->pod) facts.pod = from->addresses;
  if (from && from->node) facts.node = from->node->addresses;
  auto answerer = model::EndpointName::parse(row.answered_by);
  if (!answerer || answerer->type != model::EndpointName::Type::service) return facts;
  const auto* service =
      reach.world().snapshot().find<model::Service>({model::Kind::Service, answerer->ns, answerer->name});
  if (!service) return facts;
  for (const model::Pod* pod : model::resolve::service_pods(reach.world().snapshot(), *service))
    facts.service_pods.push_back("pod/" + pod->meta.ns + "/" + pod->meta.name);
  return facts;
}

// Whether the target is known to have nothing on the port: what declares its ports answers on no others. Rows of an
// expectations file are about connections that open.
bool listens(const reach::Reach& reach, const lab::ReachExpectation& row) {
  std::optional<reach::Place> to = reach.world().find(row.to);
  if (!to || row.port.protocol == model::Protocol::icmp) return true;
  std::vector<model::Port> ports;
  if (to->pod)
    for (const model::ContainerPort& port : to->pod->spec.ports) ports.push_back({port.port, port.protocol});
  else if (to->host)
    ports = to->host->listeners;
  return ports.empty() || std::find(ports.begin(), ports.end(), row.port) != ports.end();
}

void judge(const ReachOptions& options, const std::vector<lab::Expectation>& rows, const reach::Reach& reach,
           Session& session) {
  lab::Summary summary;
  Json list = Json::array();
  for (const lab::Expectation& row : rows) {
    const auto* expected = std::get_if<lab::ReachExpectation>(&row.what);
    if (!expected) continue;
    auto answer = reach.ask({expected->from, expected->to, expected->port, expected->family});
    const auto* found = std::get_if<reach::Answer>(&answer);
    Json given = found ? reach::to_json(*found) : Json::object();
    if (found && found->allow && !listens(reach, *expected)) given.set("result", "refused");
    lab::Outcome outcome = lab::judge(row, given, facts_of(reach, *expected));
    if (!found) outcome.reason = std::get<base::Message>(answer);
    // What a lab cannot show yet may well be known from the objects: the mark speaks of packets.
    bool passes_early = row.pending && outcome.verdict == lab::Verdict::failed;
    if (passes_early) outcome = {lab::Verdict::passed, {}};
    summary.count(outcome.verdict);
    Json asked = lab::question(row);
    Json out = found ? row_json(asked, *found) : asked;
    std::string why = outcome.verdict == lab::Verdict::passed ? "" : session.text(outcome.reason);
    out.set("result", lab::name(outcome.verdict)).set("detail", why);
    if (options.format == Format::jsonl) session.out_json("reach", out, true);
    if (options.format == Format::text && outcome.verdict != lab::Verdict::passed)
      session.out(judged_text(out, session));
    list.push(std::move(out));
  }
  if (!summary.ok()) session.status = exit_status::no;
  if (options.format == Format::text) session.out(session.text(summary.message()) + "\n");
  Json counts =
      Json::object().set("passed", summary.passed).set("failed", summary.failed).set("pending", summary.pending);
  if (options.format == Format::json)
    session.out_json("reach", Json::object().set("rows", std::move(list)).set("summary", std::move(counts)));
}

void answer_rows(const ReachOptions& options, const std::vector<Json>& rows, const reach::Reach& reach,
                 Session& session) {
  Json list = Json::array();
  for (const Json& row : rows) {
    auto answer = reach.ask(*question_of(row));
    if (auto* mistake = std::get_if<base::Message>(&answer))
      return report_usage(session.text(*mistake), options.format, session);
    Json out = row_json(row, std::get<reach::Answer>(answer));
    if (options.format == Format::jsonl) session.out_json("reach", out, true);
    list.push(std::move(out));
  }
  if (options.format == Format::text) session.out(rows_text(list, session));
  if (options.format == Format::json) session.out_json("reach", Json::object().set("rows", std::move(list)));
}

void cases(const ReachOptions& options, Session& session) {
  auto documents = read_inputs({options.cases}, session);
  if (!documents) return report_usage(documents.error(), options.format, session);
  std::vector<lab::Expectation> expectations;
  std::vector<Json> rows;
  std::vector<model::InputError> errors;
  for (const manifest::Document& document : *documents) {
    if (!is_expectations(document.text)) {
      Rows parsed = parse_rows(document);
      rows.insert(rows.end(), parsed.rows.begin(), parsed.rows.end());
      errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
      continue;
    }
    Tree tree = tree_of(document);
    errors.insert(errors.end(), tree.errors.begin(), tree.errors.end());
    if (!tree.errors.empty()) continue;
    lab::Expectations parsed = lab::parse_expectations(tree.json, document.file, &tree.source);
    errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
    for (lab::Expectation& row : parsed.rows) expectations.push_back(std::move(row));
  }
  if (!errors.empty()) return report(errors, *documents, options.format, session);
  std::optional<model::Snapshot> snapshot = objects_of(options.objects, options.format, session);
  if (!snapshot) return;
  reach::Reach reach(*snapshot);
  if (!expectations.empty()) judge(options, expectations, reach, session);
  if (!rows.empty() || expectations.empty()) answer_rows(options, rows, reach, session);
}

void matrix(const ReachOptions& options, Session& session) {
  std::optional<model::Snapshot> snapshot = objects_of(options.objects, options.format, session);
  if (!snapshot) return;
  model::Family family = options.row.family == 6 ? model::Family::v6 : model::Family::v4;
  reach::Matrix matrix(*snapshot, family);
  if (options.row.family == 0 && matrix.size() == 0) matrix = reach::Matrix(*snapshot, model::Family::v6);
  if (options.format == Format::text) return session.out(matrix_text(matrix, session));
  if (options.format == Format::jsonl) return matrix_lines(matrix, [&](std::string_view lines) { session.out(lines); });
  session.out_json("reach", matrix_json(matrix));
}

void reach_command(const ReachOptions& options, Session& session) {
  if (options.route) return route(options, session);
  if (!options.url.empty()) return url_answer(options, session);
  bool one_row = !options.row.from.empty() || !options.row.to.empty() || !options.row.port.empty();
  if (one_row && !options.cases.empty()) return report_usage(session.text("cli.row-or-cases"), options.format, session);
  if (one_row) return one(options, session);
  if (!options.cases.empty()) return cases(options, session);
  matrix(options, session);
}

struct ExplainOptions {
  ObjectOptions objects;
  std::string lab;  // not empty: of this lab, with packets
  RowOptions row;
  Format format = Format::text;
};

// What a running lab holds decides, and packets are asked too.
void explain_lab(const ExplainOptions& options, Session& session) {
  RowOrMistake row = row_of(options.row, session);
  if (!row.row) return report_usage(row.mistake, options.format, session);
  Json request = Json(*row.row).set("verb", "explain");
  auto answer = session.engine.request(options.lab, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, options.format, session);
  const Json& told = std::get<Json>(answer);
  if (told["verdict"].as_string() != "allow" || !told["agree"].as_bool()) session.status = exit_status::no;
  if (options.format == Format::text) return session.out(lab_steps_text(told, session));
  session.out_json("explain", localised(told, session));
}

void explain(const ExplainOptions& options, Session& session) {
  if (options.lab.empty() == options.objects.paths.empty())
    return report_usage(session.text("cli.explain.one-source"), options.format, session);
  if (!options.lab.empty()) return explain_lab(options, session);
  auto told = answer_to(options.row, options.objects, options.format, session);
  if (!told) return;
  const auto& [row, found] = *told;
  if (options.format == Format::text) return session.out(steps_text(row, found, session));
  Json out = row_json(row, found);
  session.out_json("explain", localised(out.set("steps", reach::steps_json(found)), session));
}

}  // namespace

void add_reach(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ReachOptions>();
  CLI::App* command = parent.add_subcommand("reach", session.text("cli.help.reach"));
  add_objects(*command, options->objects, session);
  add_row(*command, options->row, session);
  command->add_option("--cases", options->cases, session.text("cli.option.cases"))->type_name("FILE");
  command->add_option("--url", options->url, session.text("cli.option.url"))->type_name("URL");
  command->add_option("--method", options->head.method, session.text("cli.option.method"))->type_name("GET");
  command->add_option("--header", options->headers, session.text("cli.option.header"))->type_name("NAME: VALUE");
  command->add_flag("--route", options->route, session.text("cli.option.route"));
  add_format(*command, options->format, {Format::text, Format::json, Format::jsonl}, session);
  command->callback([options, &session] { reach_command(*options, session); });
}

void add_explain(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = parent.add_subcommand("explain", session.text("cli.help.explain"));
  add_objects(*command, options->objects, session, false);
  command->add_option("--lab", options->lab, session.text("cli.option.explain-lab"))->type_name("NAME");
  command->add_option("from", options->row.from, session.text("cli.option.from"))->required()->type_name("A");
  command->add_option("to", options->row.to, session.text("cli.option.to"))->required()->type_name("B");
  command->add_option("port", options->row.port, session.text("cli.option.port"))->required()->type_name("PORT");
  command->add_option("--family", options->row.family, session.text("cli.option.family"))
      ->check(CLI::IsMember({4, 6}))
      ->type_name("4|6");
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { explain(*options, session); });
}

}  // namespace bailey::cli
