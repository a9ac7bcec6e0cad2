#include "cni/environment.h"

#include <algorithm>

#include "base/strings.h"

namespace bailey::cni {
namespace {

// Which variables each command cannot do without.
struct CommandRow {
  std::string_view name;
  Command command;
  bool attachment;  // CNI_CONTAINERID and CNI_IFNAME
  bool netns;       // CNI_NETNS; DEL has to do its work without
  bool args;        // CNI_ARGS matter
};
constexpr CommandRow commands[] = {
    {"ADD", Command::add, true, true, true},          {"DEL", Command::del, true, false, false},
    {"CHECK", Command::check, true, true, true},      {"GC", Command::gc, false, false, false},
    {"STATUS", Command::status, false, false, false}, {"VERSION", Command::version, false, false, false},
};

bool alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Failure bad_environment(std::string message, std::string details = "") {
  return {Code::bad_environment, std::move(message), std::move(details)};
}

Outcome<Arguments> parse_arguments(const std::string& text) {
  Arguments out;
  if (text.empty()) return out;
  bool ignore_unknown = false;
  std::string unknown;
  for (std::string_view pair : base::split(text, ';')) {
    if (pair.empty()) continue;  // a semicolon at the end is common
    std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return bad_environment("CNI_ARGS: expected KEY=VALUE, found \"" + std::string(pair) + "\"");
    std::string_view key = pair.substr(0, equals);
    std::string value(pair.substr(equals + 1));
    if (key == "IP") {
      out.ip = value;
    } else if (key == "MAC") {
      out.mac = value;
    } else if (key == "K8S_POD_NAMESPACE") {
      out.pod_namespace = value;
    } else if (key == "K8S_POD_NAME") {
      out.pod_name = value;
    } else if (key == "IgnoreUnknown") {
      ignore_unknown = value == "1" || value == "true" || value == "True" || value == "TRUE";
    } else if (key == "K8S_POD_UID") {
      out.pod_uid = value;
    } else if (key != "K8S_POD_INFRA_CONTAINER_ID") {
      unknown += (unknown.empty() ? "" : ", ") + std::string(key);
    }
  }
  if (!unknown.empty() && !ignore_unknown)
    return bad_environment("CNI_ARGS: unknown key " + unknown,
                           "set IgnoreUnknown=1 in CNI_ARGS to pass keys of other plugins");
  return out;
}

}  // namespace

bool valid_interface_name(std::string_view name) {
  if (name.empty() || name.size() > 15 || name == "." || name == ".." || name == "all" || name == "default")
    return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '/' && c != ':' && c != 0x7f; });
}

bool valid_id(std::string_view id) {
  if (id.empty() || !alphanumeric(id[0])) return false;
  return std::all_of(id.begin(), id.end(), [](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Outcome<Environment> parse_environment(const Variables& variables) {
  if (variables.command.empty()) return bad_environment("CNI_COMMAND is not set");
  const CommandRow* row = std::find_if(std::begin(commands), std::end(commands),
                                       [&](const CommandRow& each) { return each.name == variables.command; });
  if (row == std::end(commands))
    return bad_environment("CNI_COMMAND: unknown command \"" + variables.command + "\"",
                           "known are ADD, DEL, CHECK, GC, STATUS and VERSION");
  std::vector<std::string> missing;
  if (row->attachment && variables.container_id.empty()) missing.push_back("CNI_CONTAINERID");
  if (row->netns && variables.netns.empty()) missing.push_back("CNI_NETNS");
  if (row->attachment && variables.ifname.empty()) missing.push_back("CNI_IFNAME");
  if (!missing.empty())
    return bad_environment("required environment variables are not set: " + base::join(missing, ", "),
                           "for CNI_COMMAND=" + variables.command);

  Environment out;
  out.command = row->command;
  if (row->attachment) {
    if (!valid_id(variables.container_id))
      return bad_environment("CNI_CONTAINERID: \"" + variables.container_id + "\" is not a container id",
                             "a letter or digit, then letters, digits, '_', '.' and '-'");
    if (!valid_interface_name(variables.ifname))
      return bad_environment(
          "CNI_IFNAME: \"" + variables.ifname + "\" is not an interface name",
          "1 to 15 characters without '/', ':' and blanks; not \".\", \"..\", \"all\" or \"default\"");
    out.container_id = variables.container_id;
    out.ifname = variables.ifname;
    out.netns = variables.netns;
  }
  if (!row->args) return out;
  Outcome<Arguments> args = parse_arguments(variables.args);
  if (const Failure* failure = std::get_if<Failure>(&args)) return *failure;
  out.args = std::get<Arguments>(std::move(args));
  return out;
}

}  // namespace bailey::cni
