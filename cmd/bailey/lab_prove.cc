// The lab of `-f` hangs on this process by its lifeline, so however the command ends, it ends too.
#include "lab_prove.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "base/strings.h"
#include "diagnostics.h"
#include "files.h"
#include "io/fd.h"
#include "progress.h"
#include "render.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;

class TemporaryLab {
 public:
  TemporaryLab(const ProveOptions& options, Session& session) : options_(options), session_(session) {}
  ~TemporaryLab() {
    if (running_) session_.engine.down(name_);
  }
  TemporaryLab(const TemporaryLab&) = delete;
  TemporaryLab& operator=(const TemporaryLab&) = delete;

  const std::string& name() const { return name_; }

  // False: it did not start, which has been reported.
  bool start() {
    auto documents = read_inputs(options_.paths, session_);
    if (!documents) {
      report_usage(documents.error(), options_.format, session_);
      return false;
    }
    lab::UpOptions up;
    up.name = name_;
    up.documents = *documents;
    up.wait_ms = 60000;
    up.lifeline = &lifeline_;
    ProgressLine progress(session_.text("cli.starting", {name_}), session_);
    lab::Answer<Json> answer = session_.engine.up(up, progress.callback());
    progress.finish();
    if (auto* failure = std::get_if<lab::Failure>(&answer)) {
      report(*failure, *documents, options_.format, session_);
      return false;
    }
    running_ = true;
    const Json& document = std::get<Json>(answer);
    session_.err(conditions_text(document["conditions"], session_, session_.err_color()));
    if (!document["timed_out"].as_bool()) return true;
    report_usage(session_.text("cli.prove.not-ready"), options_.format, session_);
    return false;
  }

 private:
  const ProveOptions& options_;
  Session& session_;
  std::string name_ = "prove-" + std::to_string(getpid());
  std::shared_ptr<void> lifeline_;
  bool running_ = false;
};

std::string shell_word(const std::string& word) {
  bool plain = word.find_first_of(" '\"$\\*?&;|<>()`") == std::string::npos;
  return plain ? word : "'" + word + "'";
}

// Shows one of them again, alone.
std::string command_for(const Json& row, const ProveOptions& options) {
  std::string family = row["family"].is_int() ? " --family " + row["family"].dump() : "";
  std::string from = row["from"].as_string();
  std::string to = row["to"].as_string();
  std::string port = row["port"].is_int() ? row["port"].dump() : row["port"].as_string();
  if (options.paths.empty())
    return "bailey explain --lab " + options.name + " " + from + " " + to + " " + port + family;
  std::string out = "bailey lab probe --prove";
  for (const std::string& path : options.paths) out += " -f " + shell_word(path);
  return out + " --from " + from + " --to " + to + " --port " + port + family;
}

std::string packets_words(const Json& packets, const Session& session) {
  std::string out = packets["result"].as_string();
  if (packets["source_seen"].is_string())
    out += ", " + session.text("cli.prove.sees", {packets["source_seen"].as_string()});
  const Json& where = packets["dropped_at"];
  if (where.is_object()) out += " (" + where["reason"].as_string() + " " + where["object"].as_string() + ")";
  return out;
}

std::string reach_words(const Json& said, const Session& session) {
  if (said["verdict"].is_null()) return session.text(message_of(said["message"]));
  bool allow = said["verdict"].as_string() == "allow";
  std::string out = session.text(allow ? "cli.reach.allow" : "cli.reach.deny");
  if (said["source_seen"].is_string()) out += ", " + session.text("cli.prove.sees", {said["source_seen"].as_string()});
  const Json::Array& by = said["decided_by"].items();
  if (!allow) out += " (" + said["reason"].as_string() + (by.empty() ? "" : " " + by[0]["object"].as_string()) + ")";
  return out;
}

std::string disagreements_text(const Json& list, const Session& session) {
  std::vector<TableRow> rows;
  for (const Json& row : list.items())
    rows.push_back({{row["from"].as_string()},
                    {row["to"].as_string()},
                    {row["port"].is_int() ? row["port"].dump() : row["port"].as_string()},
                    {row["family"].is_int() ? "IPv" + row["family"].dump() : ""},
                    {packets_words(row["packets"], session), Paint::yellow},
                    {reach_words(row["reach"], session), Paint::cyan}});
  std::vector<std::string> head;
  for (const char* id : {"from", "to", "port", "family", "packets", "reach"})
    head.push_back(session.text(std::string("cli.head.") + id));
  std::string text = table(head, rows, session.out_color());
  std::vector<std::string_view> lines = base::split(text, '\n');
  std::string out(lines[0]);
  out += "\n";
  for (std::size_t i = 0; i < list.items().size() && i + 1 < lines.size(); ++i) {
    out.append(lines[i + 1]).append("\n    ");
    out += painted(list.items()[i]["command"].as_string(), Paint::dim, session.out_color()) + "\n";
  }
  return out;
}

std::string summary_text(const Json& document, const Session& session) {
  auto count = [&](const char* key) { return std::to_string(document[key].as_int()); };
  if (document["rows"].as_int() == 0) return session.text("cli.no-rows") + "\n";
  const Json& list = document["disagreements"];
  if (list.items().empty())
    return session.text("cli.prove.agree", {count("rows"), count("allowed"), count("denied")}) + "\n";
  return disagreements_text(list, session) +
         session.text("cli.prove.disagree", {std::to_string(list.items().size()), count("rows")}) + "\n";
}

std::string file_name_of(const std::string& file, std::size_t number) {
  std::string name = file.substr(file.rfind('/') + 1);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_') c = '_';
  bool known = name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
  std::string digits = std::to_string(number);
  return std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits + "-" + name + (known ? "" : ".yaml");
}

std::string kernel_text() {
  utsname name{};
  if (uname(&name) != 0) return "";
  return std::string(name.sysname) + " " + name.release + " " + name.version + " " + name.machine + "\n";
}

// The objects as the lab holds them, its status, the machine, and what disagrees.
bool write_report(const std::string& lab, const Json& document, const ProveOptions& options, Session& session) {
  auto ask = [&](const char* verb) { return session.engine.request(lab, Json::object().set("verb", verb), {}); };
  lab::Answer<Json> status = ask("status");
  lab::Answer<Json> manifests = ask("manifests");
  for (const lab::Answer<Json>* answer : {&status, &manifests})
    if (const auto* failure = std::get_if<lab::Failure>(answer)) {
      report(*failure, {}, options.format, session);
      return false;
    }
  std::vector<std::pair<std::string, std::string>> files{
      {"disagreements.json", localised(document, session).dump(2) + "\n"},
      {"status.json", localised(std::get<Json>(status), session).dump(2) + "\n"},
      {"kernel.txt", kernel_text()}};
  for (const Json& each : std::get<Json>(manifests)["documents"].items())
    files.emplace_back("manifests/" + file_name_of(each["file"].as_string(), files.size() - 2),
                       each["text"].as_string());
  base::Status written = io::make_folders(options.report + "/manifests");
  for (const auto& [name, text] : files)
    if (written) written = io::write_file(options.report + "/" + name, text);
  if (written) {
    session.err(session.text("cli.prove.reported", {options.report}) + "\n");
    return true;
  }
  report({lab::Failure::Class::machine, {"cli.prove.no-report", {written.error().text()}}, {}}, {}, options.format,
         session);
  return false;
}

void prove_in(const std::string& lab, const ProveOptions& options, Session& session) {
  Json request = Json::object().set("verb", "prove").set("timeout_ms", options.timeout_ms);
  if (options.rows.is_array()) request.set("rows", options.rows);
  lab::Answer<Json> answer = session.engine.request(lab, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, options.format, session);
  Json document = std::get<Json>(answer);
  Json list = Json::array();
  for (const Json& row : document["disagreements"].items())
    list.push(Json(row).set("command", command_for(row, options)));
  bool agree = list.items().empty();
  document.set("disagreements", std::move(list));
  if (!options.report.empty() && !write_report(lab, document, options, session)) return;
  if (options.format == Format::text)
    session.out(summary_text(document, session));
  else
    session.out_json("prove", document);
  if (!agree) session.status = exit_status::no;
}

}  // namespace

void prove(const ProveOptions& options, Session& session) {
  if (options.paths.empty()) return prove_in(options.name, options, session);
  TemporaryLab lab(options, session);
  if (lab.start()) prove_in(lab.name(), options, session);
}

}  // namespace bailey::cli
