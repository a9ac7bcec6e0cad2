// bailey ipam: the address book of this node's pods: what is held, what is damaged, and freeing what is dead.
//
// `gc` frees an address only with two proofs (ipam_proofs.h). Each address that it frees is a line of its own, with
// both.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>

#include "commands.h"
#include "diagnostics.h"
#include "ipam/sys/leases.h"
#include "ipam_proofs.h"
#include "options.h"
#include "render.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;
using ipam::sys::Damage;
using ipam::sys::Finding;
using ipam::sys::Lease;
using ipam::sys::Leases;

struct IpamOptions {
  std::string dir = "/run/bailey/ipam";
  std::string network;
  bool dry_run = false;
  Format format = Format::text;

  // A lease that is too damaged to tell its network is of none.
  bool wants(const Lease& lease) const { return network.empty() || lease.owner.network == network; }
};

// What could not be done with the folder: a path that is none is the user's mistake, the rest the machine's.
void report_folder(const base::Error& error, const IpamOptions& options, Session& session) {
  using Class = lab::Failure::Class;
  bool mistaken = error.code == ENOTDIR || error.code == ENAMETOOLONG || error.code == ELOOP;
  bool denied = error.code == EACCES || error.code == EPERM;
  base::Message message{"cli.ipam.unreadable", {options.dir, error.cause}};
  if (mistaken) message = {"cli.ipam.no-lease-folder", {options.dir}};
  if (denied) message = {"cli.ipam.not-permitted", {options.dir}};
  if (error.code == EROFS) message = {"cli.ipam.read-only", {options.dir}};
  report(lab::Failure{mistaken ? Class::usage : Class::machine, message, {}}, {}, options.format, session);
}

// Empty: there is no such folder, so that nothing is leased; or it cannot be used, which has been reported.
std::optional<Leases> open_folder(const IpamOptions& options, bool to_change, Session& session) {
  ipam::sys::Options as_they_said{-1, {}};
  base::Result<Leases> leases =
      to_change ? Leases::open_existing(options.dir, as_they_said) : Leases::open_to_read(options.dir, as_they_said);
  if (leases.ok()) return std::move(leases).value();
  if (leases.error().code != ENOENT) {
    report_folder(leases.error(), options, session);
  } else if (options.format == Format::text) {
    session.out(session.text("cli.ipam.no-folder", {options.dir}) + "\n");
  }
  return std::nullopt;
}

// Whether there is nothing more to say.
bool is_done(const std::optional<Leases>& leases, const IpamOptions& options, const Session& session) {
  return session.status != exit_status::done || (!leases && options.format == Format::text);
}

Json lease_json(const Lease& lease) {
  const char* state = lease.damaged() ? "damaged" : lease.released != 0 ? "cooling" : "held";
  Json pod = Json::object().set("namespace", lease.owner.pod_namespace).set("name", lease.owner.pod_name);
  pod.set("uid", lease.owner.pod_uid);
  std::int64_t since = lease.released != 0 ? lease.released : lease.time;
  Json json = Json::object().set("address", lease.address.text()).set("state", state);
  json.set("network", lease.owner.network).set("container", lease.owner.container).set("ifname", lease.owner.ifname);
  json.set("pod", std::move(pod)).set("netns", lease.owner.netns).set("earlier_boot", lease.earlier_boot);
  return json.set("age_s", since == 0 ? Json() : Json(std::max<std::int64_t>(0, ::time(nullptr) - since)));
}

std::string leases_text(const Json& document, const Session& session) {
  std::vector<std::string> head;
  for (const char* id : {"address", "state", "of-pod", "container", "interface", "network", "since"})
    head.push_back(session.text(std::string("cli.head.") + id));
  std::vector<TableRow> rows;
  for (const Json& lease : document["leases"].items()) {
    const std::string& state = lease["state"].as_string();
    const Json& pod = lease["pod"];
    std::string name =
        pod["name"].as_string().empty() ? "" : pod["namespace"].as_string() + "/" + pod["name"].as_string();
    rows.push_back({{lease["address"].as_string()},
                    {state, state == "held"      ? Paint::green
                            : state == "damaged" ? Paint::red
                                                 : Paint::dim},
                    {name},
                    {lease["container"].as_string()},
                    {lease["ifname"].as_string()},
                    {lease["network"].as_string()},
                    {lease["age_s"].is_int() ? duration_text(lease["age_s"].as_double() * 1000) : ""}});
  }
  const Json& summary = document["summary"];
  std::string counts = session.text("cli.ipam.summary", {summary["held"].dump(), summary["cooling"].dump(),
                                                         summary["damaged"].dump(), document["dir"].as_string()});
  return (rows.empty() ? "" : table(head, rows, session.out_color())) + counts + "\n";
}

void list(const IpamOptions& options, Session& session) {
  std::optional<Leases> leases = open_folder(options, false, session);
  if (is_done(leases, options, session)) return;
  std::vector<Lease> all;
  if (leases) {
    auto held = leases->list();
    auto cooling = leases->cooling();
    if (!held.ok() || !cooling.ok()) return report_folder(held.ok() ? cooling.error() : held.error(), options, session);
    all = std::move(held).value();
    all.insert(all.end(), cooling->begin(), cooling->end());
  }
  std::stable_sort(all.begin(), all.end(), [](const Lease& a, const Lease& b) { return a.address < b.address; });
  Json rows = Json::array();
  std::map<std::string, int> counts;
  for (const Lease& lease : all) {
    if (!options.wants(lease)) continue;
    Json json = lease_json(lease);
    ++counts[json["state"].as_string()];
    rows.push(std::move(json));
  }
  Json summary = Json::object();
  for (const char* state : {"held", "cooling", "damaged"}) summary.set(state, counts[state]);
  Json document = Json::object().set("dir", options.dir).set("leases", std::move(rows));
  document.set("summary", std::move(summary));
  options.format == Format::json ? session.out_json("ipam-leases", document)
                                 : session.out(leases_text(document, session));
}

// In the order of Finding::Kind.
constexpr std::string_view finding_names[] = {"damaged-lease", "lost-owner",   "second-lease", "earlier-boot",
                                              "unused-owner",  "dangling-pod", "missing-pod",  "cooling-of-held",
                                              "former-locks",  "foreign"};

// In the order of Damage.
constexpr std::string_view damage_names[] = {"none",     "not-a-file",    "empty",      "not-json",
                                             "no-owner", "other-address", "other-owner"};

Json finding_json(const Finding& finding, const Session& session) {
  std::string_view name = finding_names[static_cast<std::size_t>(finding.kind)];
  Json json = Json::object().set("kind", name).set("file", finding.file).set("object", finding.object);
  json.set("network", finding.network).set("mended_by_gc", finding.mends);
  std::string message = session.text("cli.ipam.finding." + std::string(name), {finding.file, finding.object});
  if (finding.damage != Damage::none) {
    std::string_view damage = damage_names[static_cast<std::size_t>(finding.damage)];
    json.set("damage", damage);
    message += " (" + session.text("cli.ipam.damage." + std::string(damage)) + ")";
  }
  return json.set("message", message);
}

Json findings_json(const std::vector<Finding>& findings, const Session& session) {
  Json out = Json::array();
  for (const Finding& finding : findings) out.push(finding_json(finding, session));
  return out;
}

void check(const IpamOptions& options, Session& session) {
  std::optional<Leases> leases = open_folder(options, false, session);
  if (is_done(leases, options, session)) return;
  std::vector<Finding> findings;
  if (leases) {
    auto found = leases->check();
    if (!found.ok()) return report_folder(found.error(), options, session);
    findings = std::move(found).value();
    std::erase_if(findings, [&](const Finding& each) {
      return !options.network.empty() && !each.network.empty() && each.network != options.network;
    });
  }
  Json document = Json::object().set("dir", options.dir).set("findings", findings_json(findings, session));
  if (options.format == Format::json) session.out_json("ipam-check", document);
  for (const Json& finding : document["findings"].items())
    if (options.format == Format::text)
      session.out(options.dir + "/" + finding["file"].as_string() + ": " + finding["message"].as_string() + "\n");
  bool mends = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.mends || finding.kind == Finding::Kind::damaged_lease;
  });
  const char* next = findings.empty() ? "cli.ipam.sound" : mends ? "cli.ipam.mend" : "cli.ipam.by-hand";
  if (options.format == Format::text) session.out(session.text(next, {options.dir}) + "\n");
  if (!findings.empty()) session.status = exit_status::no;
}

using AllProofs = std::map<model::Address, Proofs::Pair>;

Json gc_document(const ipam::sys::GcReport& report, const AllProofs& proofs, const IpamOptions& options,
                 const Session& session) {
  Json freed = Json::array();
  for (const auto& [lease, reason] : report.freed) {
    const Proofs::Pair& both = proofs.at(lease.address);
    freed.push(lease_json(lease).set("proofs", Json::Array{both.first, both.second}));
  }
  Json kept = Json::array();
  for (const auto& [lease, error] : report.kept) {
    std::string why = error.code == EXDEV ? session.text("cli.ipam.elsewhere") : error.text();
    kept.push(lease_json(lease).set("error", why));
  }
  Json document = Json::object().set("dir", options.dir).set("dry_run", options.dry_run);
  document.set("freed", std::move(freed)).set("kept", std::move(kept));
  document.set("mended", findings_json(report.mended, session)).set("left", findings_json(report.left, session));
  return document.set("rested", report.rested);
}

std::string gc_text(const Json& document, const Session& session) {
  bool dry = document["dry_run"].as_bool();
  std::string out;
  for (const Json& lease : document["freed"].items()) {
    std::string proofs;
    for (const Json& proof : lease["proofs"].items())
      proofs += (proofs.empty() ? "" : "; ") +
                session.text("cli.ipam.proof." + proof.as_string(), {lease["netns"].as_string()});
    const Json& pod = lease["pod"];
    std::string owner = lease["container"].as_string();
    if (owner.empty()) owner = session.text("cli.ipam.nobody");
    if (!pod["name"].as_string().empty()) owner = pod["namespace"].as_string() + "/" + pod["name"].as_string();
    out += session.text(dry ? "cli.ipam.would-free" : "cli.ipam.freed", {lease["address"].as_string(), owner, proofs}) +
           "\n";
  }
  for (const Json& lease : document["kept"].items())
    out += session.text("cli.ipam.kept", {lease["address"].as_string(), lease["error"].as_string()}) + "\n";
  for (const Json& finding : document["mended"].items())
    out += session.text(dry ? "cli.ipam.would-mend" : "cli.ipam.mended",
                        {finding["message"].as_string(), finding["file"].as_string()}) +
           "\n";
  for (const Json& finding : document["left"].items())
    out += session.text("cli.ipam.left", {finding["message"].as_string(), finding["file"].as_string()}) + "\n";
  return out.empty() ? session.text("cli.ipam.nothing-dead", {document["dir"].as_string()}) + "\n" : out;
}

// The leases that have both proofs are dead; they are kept in `proofs`.
base::Result<ipam::sys::GcReport> collect(Leases& leases, const IpamOptions& options, AllProofs& proofs) {
  std::optional<base::Result<Proofs>> known;
  auto decide = [&](const Lease& lease) -> base::Result<std::optional<std::string>> {
    if (!options.wants(lease)) return std::optional<std::string>();
    if (!known) known = Proofs::look(leases);  // now that nobody takes an address
    if (!known->ok()) return known->error();
    base::Result<std::optional<Proofs::Pair>> found = (*known)->of(lease);
    if (!found.ok()) return found.error();
    if (!found.value()) return std::optional<std::string>();
    proofs[lease.address] = **found;
    return std::optional<std::string>(found.value()->first);
  };
  return leases.gc(decide, {options.dry_run, true});
}

void gc(const IpamOptions& options, Session& session) {
  std::optional<Leases> leases = open_folder(options, !options.dry_run, session);
  if (is_done(leases, options, session)) return;
  AllProofs proofs;
  base::Result<ipam::sys::GcReport> report{ipam::sys::GcReport{}};
  if (leases) report = collect(*leases, options, proofs);
  if (!report.ok()) return report_folder(report.error(), options, session);
  Json document = gc_document(report.value(), proofs, options, session);
  options.format == Format::json ? session.out_json("ipam-gc", document) : session.out(gc_text(document, session));
  if (!report->error) return;
  session.status = exit_status::no;
  if (report->kept.empty()) session.err("bailey: " + report->error->text() + "\n");
}

using Run = void (*)(const IpamOptions&, Session&);

CLI::App* add_one(CLI::App& group, const char* name, Run run, const std::shared_ptr<IpamOptions>& options,
                  Session& session) {
  CLI::App* command = group.add_subcommand(name, session.text(std::string("cli.help.ipam-") + name));
  command->add_option("--dir", options->dir, session.text("cli.option.ipam-dir"))->type_name("DIR");
  command->add_option("--network", options->network, session.text("cli.option.ipam-network"))->type_name("NAME");
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([run, options, &session] { run(*options, session); });
  return command;
}

}  // namespace

void add_ipam(CLI::App& parent, Session& session) {
  CLI::App* group = parent.add_subcommand("ipam", session.text("cli.help.ipam"));
  group->require_subcommand(1);
  auto options = std::make_shared<IpamOptions>();
  add_one(*group, "list", list, options, session);
  add_one(*group, "check", check, options, session);
  CLI::App* command = add_one(*group, "gc", gc, options, session);
  command->add_flag("--dry-run", options->dry_run, session.text("cli.option.dry-run"));
}

}  // namespace bailey::cli
