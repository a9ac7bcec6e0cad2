// `bailey` alone: what runs on this machine, and what to try next.
#include "commands.h"
#include "diagnostics.h"
#include "render.h"

namespace bailey::cli {

void overview(Session& session) {
  lab::Answer<base::Json> answer = session.engine.list();
  if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, Format::text, session);
  const base::Json& labs = std::get<base::Json>(answer);
  session.out(labs_text(labs, session, session.out_color()) + "\n" + session.text("cli.try-next") + "\n");
  auto try_next = [&](const std::string& command, std::string_view why) {
    session.out("  " + painted(command, Paint::bold, session.out_color()) + "\n      " + session.text(why) + "\n");
  };
  if (labs["labs"].items().empty()) {
    try_next("bailey check -f examples/contoso", "cli.try.check");
    try_next("bailey lab up -f examples/contoso", "cli.try.up");
    try_next("bailey --help", "cli.try.help");
    return;
  }
  const std::string& name = labs["labs"].items().front()["name"].as_string();
  std::string flag = name == "default" ? "" : " --name " + name;
  try_next("bailey lab status" + flag, "cli.try.status");
  try_next("bailey lab probe" + flag, "cli.try.probe");
  try_next("bailey lab down" + flag, "cli.try.down");
}

}  // namespace bailey::cli
