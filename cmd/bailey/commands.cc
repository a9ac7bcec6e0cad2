// The command line as a whole: the language first, since help is printed in it, then the commands.
#include "commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/strings.h"

namespace bailey::cli {
namespace {

struct Command {
  void (*add)(CLI::App&, Session&);
  bool of_lab;
};
constexpr Command commands[] = {
    {add_plan, false},      {add_check, false},      {add_reach, false},    {add_explain, false}, {add_diff, false},
    {add_flows, false},     {add_import, false},     {add_ipam, false},     {add_lab_up, true},   {add_lab_apply, true},
    {add_lab_delete, true}, {add_lab_status, true},  {add_lab_probe, true}, {add_lab_conn, true}, {add_lab_test, true},
    {add_lab_exec, true},   {add_lab_compare, true}, {add_lab_logs, true},  {add_lab_list, true}, {add_lab_down, true},
};

// Help and messages need the language before anything is parsed.
void choose_language(const std::vector<std::string>& arguments, Session& session) {
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (arguments[i] == "--lang" && i + 1 < arguments.size()) session.lang = base::lang_of(arguments[i + 1]);
    if (arguments[i].starts_with("--lang=")) session.lang = base::lang_of(arguments[i].substr(7));
  }
}

void translate_help(CLI::App& app, const Session& session) {
  auto formatter = std::make_shared<CLI::Formatter>();
  for (const char* label :
       {"Usage", "OPTIONS", "SUBCOMMAND", "SUBCOMMANDS", "Positionals", "Options", "Subcommands", "REQUIRED"})
    formatter->label(label, session.text(std::string("cli.help.label.") + label));
  formatter->column_width(34);
  app.formatter(formatter);
}

// The command whose words could not be understood: the deepest one that was named.
const CLI::App& deepest(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string usage_text(const CLI::App& app, const CLI::ParseError& error, const Session& session) {
  const CLI::App& at = deepest(app);
  std::string path;
  for (const CLI::App* each = &at; each; each = each->get_parent())
    path = each->get_name() + (path.empty() ? "" : " ") + path;
  std::string text;
  std::vector<std::string> extra = app.remaining(true);
  // A word that is no command is told as such, not as the lack of one.
  bool lacks_command = dynamic_cast<const CLI::RequiredError*>(&error) && !at.get_subcommands({}).empty();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) || (lacks_command && !extra.empty())) {
    std::string word = extra.empty() ? "" : extra.front();
    text = session.text("cli.unknown-argument", {word});
    std::vector<std::string_view> known;
    for (const CLI::App* sub : at.get_subcommands({})) known.push_back(sub->get_name());
    if (std::string near = base::nearest(word, known); !near.empty())
      text += " " + session.text("cli.did-you-mean", {near});
  } else if (lacks_command) {
    text = session.text("cli.command-missing", {path});
  } else if (dynamic_cast<const CLI::RequiredError*>(&error)) {
    std::string what = error.what();
    text = session.text("cli.argument-missing", {what.substr(0, what.find(" is required"))});
  } else {
    text = error.what();
  }
  return "bailey: " + text + "\n" + session.text("cli.see-help", {path + " --help"}) + "\n";
}

// --lang may stand behind any word, not only the first.
void accept_language_everywhere(CLI::App& app, std::string& lang) {
  for (CLI::App* command : app.get_subcommands({})) {
    command->add_option("--lang", lang)->check(CLI::IsMember({"en", "ko"}))->group("");
    accept_language_everywhere(*command, lang);
  }
}

}  // namespace

int run(std::vector<std::string> arguments, Session& session) {
  choose_language(arguments, session);
  // What follows "--" is a command for `lab exec` and none of our business.
  auto tail = std::find(arguments.begin(), arguments.end(), "--");
  if (tail != arguments.end()) {
    session.tail.assign(tail + 1, arguments.end());
    arguments.erase(tail, arguments.end());
  }

  CLI::App app(session.text("cli.help.bailey"), "bailey");
  translate_help(app, session);
  app.set_help_flag("-h,--help", session.text("cli.option.help"));
  app.set_version_flag("--version", "bailey " + std::string(version), session.text("cli.option.version"));
  std::string lang;
  app.add_option("--lang", lang, session.text("cli.option.lang"))
      ->check(CLI::IsMember({"en", "ko"}))
      ->type_name("en|ko");
  app.require_subcommand(0, 1);

  CLI::App* lab = app.add_subcommand("lab", session.text("cli.help.lab"));
  lab->require_subcommand(1);
  for (const Command& command : commands) command.add(command.of_lab ? *lab : app, session);

  accept_language_everywhere(app, lang);
  if (!session.tail.empty() && std::find(arguments.begin(), arguments.end(), "exec") == arguments.end()) {
    session.err("bailey: " + session.text("cli.unknown-argument", {session.tail.front()}) + "\n");
    return exit_status::usage;
  }
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    if (app.get_subcommands().empty()) overview(session);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* group = deepest(app).get_parent();
    std::string before = !group ? "" : group->get_parent() ? "bailey " + group->get_name() : "bailey";
    session.out(deepest(app).help(before));
  } catch (const CLI::CallForVersion& wanted) {
    session.out(std::string(wanted.what()) + "\n");
  } catch (const CLI::ParseError& error) {
    session.err(usage_text(app, error, session));
    return exit_status::usage;
  }
  return session.status;
}

}  // namespace bailey::cli
