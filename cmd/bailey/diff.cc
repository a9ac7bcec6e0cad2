// diff: what a change of the manifests opens and closes. OLD and NEW are files, folders, or git:REV:PATH.
//
// The exit status is 0 when both could be compared, and 1 when the change does what --forbid names.
#include "reach/diff.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"
#include "commands.h"
#include "diagnostics.h"
#include "objects.h"
#include "options.h"
#include "reach_text.h"

namespace bailey::cli {
namespace {

using base::Json;

struct DiffOptions {
  std::string before;
  std::string after;
  std::vector<std::string> forbid;
  std::string network_model;
  bool fill = false;
  int family = 0;
  std::size_t limit = 40;
  Format format = Format::text;
};

std::optional<model::Snapshot> side(const std::string& path, const DiffOptions& options, Session& session) {
  Format errors_as = options.format == Format::markdown ? Format::text : options.format;
  return objects_of({{path}, options.network_model, options.fill}, errors_as, session);
}

struct Tally {
  std::size_t rows = 0;
  std::size_t pairs = 0;
};
std::map<reach::Change::Kind, Tally> tally_of(const std::vector<reach::Change>& changes) {
  std::map<reach::Change::Kind, Tally> out;
  for (reach::Change::Kind kind :
       {reach::Change::Kind::opened, reach::Change::Kind::closed, reach::Change::Kind::changed})
    out[kind];
  for (const reach::Change& change : changes) {
    ++out[change.kind].rows;
    out[change.kind].pairs += change.pairs;
  }
  return out;
}

std::string summary(const std::vector<reach::Change>& changes, const Session& session) {
  auto tally = tally_of(changes);
  return session.text("cli.diff.summary", {std::to_string(tally[reach::Change::Kind::opened].pairs),
                                           std::to_string(tally[reach::Change::Kind::closed].pairs),
                                           std::to_string(tally[reach::Change::Kind::changed].pairs)});
}

// "allow: NetworkPolicy/shop/db spec.ingress[0]  shop.yaml:12"; what does not exist on that side is said to.
std::string side_text(const std::optional<reach::Verdict>& verdict, const Session& session) {
  if (!verdict) return session.text("cli.diff.absent");
  std::string out = session.text(verdict->allow ? "cli.reach.allow" : "cli.reach.deny");
  for (std::size_t i = 0; i < verdict->decided_by.size() && i < 2; ++i)
    out += (i == 0 ? ": " : ", ") + decider_text(reach::to_json(verdict->decided_by[i]));
  if (verdict->decided_by.size() > 2) out += " …";
  return out;
}

std::string heading(const std::string& kind, const Tally& tally, const Session& session) {
  return session.text("cli.diff." + kind, {std::to_string(tally.pairs)});
}

Paint paint_of_kind(reach::Change::Kind kind) {
  if (kind == reach::Change::Kind::opened) return Paint::yellow;
  return kind == reach::Change::Kind::closed ? Paint::blue : Paint::dim;
}

// Changes that read alike, put together: the same before and after, and the same targets for several sources.
struct Bundle {
  std::string before;
  std::string after;
  std::set<std::string> from;
  std::set<std::string> to;  // each with its port
  std::size_t pairs = 0;
};

std::vector<Bundle> bundles_of(const std::vector<reach::Change>& changes, reach::Change::Kind kind,
                               const Session& session) {
  using Sides = std::pair<std::string, std::string>;
  std::map<Sides, std::map<std::string, Bundle>> by_source;
  for (const reach::Change& change : changes) {
    if (change.kind != kind) continue;
    Sides sides{side_text(change.before, session), side_text(change.after, session)};
    Bundle& bundle = by_source[sides][change.from];
    bundle.to.insert(change.to + " " + change.port.text());
    bundle.pairs += change.pairs;
  }
  std::vector<Bundle> out;
  for (auto& [sides, sources] : by_source) {
    std::map<std::set<std::string>, Bundle> by_targets;
    for (auto& [from, part] : sources) {
      Bundle& bundle = by_targets[part.to];
      bundle.from.insert(from);
      bundle.pairs += part.pairs;
    }
    for (auto& [targets, bundle] : by_targets)
      out.push_back({sides.first, sides.second, std::move(bundle.from), targets, bundle.pairs});
  }
  std::stable_sort(out.begin(), out.end(), [](const Bundle& x, const Bundle& y) { return x.pairs > y.pairs; });
  return out;
}

std::string listed(const std::set<std::string>& names, const Session& session) {
  constexpr std::size_t most = 8;
  std::string out;
  std::size_t shown = 0;
  for (const std::string& name : names) {
    if (shown == most) break;
    out += (shown++ == 0 ? "" : ", ") + name;
  }
  if (names.size() > most) out += " " + session.text("cli.diff.and-more", {std::to_string(names.size() - most)});
  return out;
}

std::string text_of(const std::vector<reach::Change>& changes, const DiffOptions& options, const Session& session) {
  std::string out;
  bool color = session.out_color();
  for (auto& [kind, tally] : tally_of(changes)) {
    if (tally.rows == 0) continue;
    out += painted(heading(std::string(reach::name(kind)), tally, session), paint_of_kind(kind), color) + "\n";
    std::vector<Bundle> bundles = bundles_of(changes, kind, session);
    for (std::size_t i = 0; i < bundles.size() && i < options.limit; ++i) {
      const Bundle& bundle = bundles[i];
      out += "  " + listed(bundle.from, session) + "\n    -> " + listed(bundle.to, session) + "  " +
             session.text("cli.diff.pairs", {std::to_string(bundle.pairs)}) + "\n";
      out += painted("    " + session.text("cli.diff.before", {bundle.before}), Paint::dim, color) + "\n";
      out += "    " + session.text("cli.diff.after", {bundle.after}) + "\n";
    }
    if (bundles.size() > options.limit)
      out += "  " + session.text("cli.diff.more", {std::to_string(bundles.size() - options.limit)}) + "\n";
  }
  return out + summary(changes, session) + "\n";
}

std::string cell(std::string text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string markdown_of(const std::vector<reach::Change>& changes, const DiffOptions& options, const Session& session) {
  std::string out = "### " + session.text("cli.diff.title") + "\n\n" + summary(changes, session) + "\n";
  for (auto& [kind, tally] : tally_of(changes)) {
    if (tally.rows == 0) continue;
    out += "\n**" + heading(std::string(reach::name(kind)), tally, session) + "**\n\n|";
    for (const char* id : {"from", "to", "pairs", "before", "after"})
      out += " " + session.text(std::string("cli.head.") + id) + " |";
    out += "\n|---|---|---:|---|---|\n";
    std::vector<Bundle> bundles = bundles_of(changes, kind, session);
    for (std::size_t i = 0; i < bundles.size() && i < options.limit; ++i)
      out += "| " + cell(listed(bundles[i].from, session)) + " | " + cell(listed(bundles[i].to, session)) + " | " +
             std::to_string(bundles[i].pairs) + " | " + cell(bundles[i].before) + " | " + cell(bundles[i].after) +
             " |\n";
    if (bundles.size() > options.limit)
      out += "\n" + session.text("cli.diff.more", {std::to_string(bundles.size() - options.limit)}) + "\n";
  }
  return out;
}

Json document_of(const std::vector<reach::Change>& changes) {
  Json out = Json::object();
  Json counts = Json::object();
  for (auto& [kind, tally] : tally_of(changes)) {
    std::string name(reach::name(kind));
    Json rows = Json::array();
    for (const reach::Change& change : changes)
      if (change.kind == kind) rows.push(reach::to_json(change));
    out.set(name, std::move(rows));
    counts.set(name, tally.pairs);
  }
  return out.set("pairs", std::move(counts));
}

void diff(const DiffOptions& options, Session& session) {
  std::optional<model::Snapshot> before = side(options.before, options, session);
  if (!before) return;
  std::optional<model::Snapshot> after = side(options.after, options, session);
  if (!after) return;
  std::vector<reach::Change> changes;
  for (model::Family family : {model::Family::v4, model::Family::v6}) {
    if (options.family != 0 && (options.family == 6) != (family == model::Family::v6)) continue;
    reach::Matrix old_matrix(*before, family);
    reach::Matrix new_matrix(*after, family);
    // What both families say alike is said once.
    for (reach::Change& change : reach::diff(old_matrix, new_matrix)) {
      Json said = reach::to_json(change);
      bool known = std::any_of(changes.begin(), changes.end(), [&](const reach::Change& other) {
        return other.kind == change.kind && other.from == change.from && other.to == change.to &&
               other.port == change.port && reach::to_json(other) == said;
      });
      if (!known) changes.push_back(std::move(change));
    }
  }
  auto tally = tally_of(changes);
  for (const std::string& word : options.forbid)
    for (const auto& [kind, count] : tally)
      if (reach::name(kind) == word && count.pairs > 0) session.status = exit_status::no;
  if (options.format == Format::json) return session.out_json("diff", document_of(changes));
  session.out(options.format == Format::markdown ? markdown_of(changes, options, session)
                                                 : text_of(changes, options, session));
}

}  // namespace

void add_diff(CLI::App& parent, Session& session) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = parent.add_subcommand("diff", session.text("cli.help.diff"));
  command->add_option("old", options->before, session.text("cli.option.diff-side"))->required()->type_name("OLD");
  command->add_option("new", options->after, session.text("cli.option.diff-side"))->required()->type_name("NEW");
  command->add_option("--forbid", options->forbid, session.text("cli.option.forbid"))
      ->check(CLI::IsMember({"opened", "closed", "changed"}))
      ->delimiter(',')
      ->type_name("opened|closed|changed");
  command->add_option("--family", options->family, session.text("cli.option.family"))
      ->check(CLI::IsMember({4, 6}))
      ->type_name("4|6");
  command->add_option("--network-model", options->network_model, session.text("cli.option.network-model"))
      ->check(CLI::IsMember({"vnet", "kubenet"}))
      ->type_name("vnet|kubenet");
  command->add_flag("--fill", options->fill, session.text("cli.option.fill"));
  command->add_option("--limit", options->limit, session.text("cli.option.limit"))->type_name("GROUPS");
  add_format(*command, options->format, {Format::text, Format::json, Format::markdown}, session);
  command->callback([options, &session] { diff(*options, session); });
}

}  // namespace bailey::cli
