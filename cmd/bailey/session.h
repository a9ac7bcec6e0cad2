// Session: what one run of the command line carries around: its language, its outputs, and what it may call.
//
// Commands write through a Session and never to stdout themselves, so a test can look at what a user would see.
// Results go to out(), everything else to err(). Lives as long as main().
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "lab/lab.h"

namespace bailey::cli {

enum class Format { text, json, jsonl, junit, sarif, markdown };

// Exit statuses, as CONTRACTS fixes them.
namespace exit_status {
inline constexpr int done = 0;
inline constexpr int no = 1;
inline constexpr int usage = 2;
inline constexpr int machine = 3;
inline constexpr int bug = 70;
}  // namespace exit_status

// The lab, as functions: main() fills in the real ones, tests canned answers.
struct Engine {
  std::function<lab::Answer<base::Json>(const lab::UpOptions&, const lab::Progress&)> up;
  std::function<lab::Answer<base::Json>(const std::string&, const base::Json&, const lab::Progress&)> request;
  std::function<lab::Answer<int>(const std::string&, const std::string&, const std::vector<std::string>&)> exec;
  std::function<lab::Answer<base::Json>()> list;
  std::function<lab::Answer<base::Json>(const std::string&)> down;
  // As the control plane would, with nothing before.
  std::function<model::Snapshot(const model::Snapshot&, const lab::CompleteOptions&)> complete;
};

// Colours of a terminal; none where the output is a file.
enum class Paint { plain, bold, dim, red, green, yellow, blue, cyan };

class Session {
 public:
  struct Output {
    std::function<void(std::string_view)> write;
    bool terminal = false;  // colours, progress that overwrites itself
  };

  Session(const base::Catalogue& catalogue, Engine lab_engine, Output out, Output err)
      : engine(std::move(lab_engine)), catalogue_(catalogue), out_(std::move(out)), err_(std::move(err)) {}

  Engine engine;
  base::Lang lang = base::Lang::en;
  bool color = true;         // NO_COLOR turns it off
  std::size_t columns = 80;  // of the terminal; what a drawing may be wide
  bool utf8 = true;          // else drawings are in ASCII
  int status = exit_status::done;
  std::function<base::Result<std::string>()> read_stdin;
  // Waits that many milliseconds; false when the user wants to end. Unset: the real time, until SIGINT or SIGTERM.
  std::function<bool(int)> wait;
  std::string program;            // path of this program, for rows that run commands
  std::vector<std::string> tail;  // the arguments behind "--"

  std::string text(std::string_view id, std::vector<std::string> args = {}) const;
  std::string text(const base::Message& message) const { return catalogue_.render(message, lang); }

  void out(std::string_view bytes) const { out_.write(bytes); }
  void err(std::string_view bytes) const { err_.write(bytes); }
  bool out_is_terminal() const { return out_.terminal; }
  bool err_is_terminal() const { return err_.terminal; }
  bool out_color() const { return color && out_.terminal; }
  bool err_color() const { return color && err_.terminal; }

  // Writes a document with its "schema" as the first key: "bailey.dev/<thing>/v1". Messages that are still ids
  // and arguments become text in the session's language.
  void out_json(std::string_view thing, const base::Json& document, bool one_line = false) const;

 private:
  const base::Catalogue& catalogue_;
  Output out_;
  Output err_;
};

std::string painted(std::string_view text, Paint paint, bool color);

// A copy in which each member "message" that is {id, args} is the text it stands for.
base::Json localised(const base::Json& json, const Session& session);

// A message that crosses a socket, as {id, args}, or as plain text.
base::Message message_of(const base::Json& json);

}  // namespace bailey::cli
