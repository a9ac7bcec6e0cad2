// Every command, one function each; commands.cc lists them and runs what the user asked for.
#pragma once

#include "session.h"

namespace CLI {
class App;
}

namespace bailey::cli {

inline constexpr std::string_view version = "0.1.0";

// Each adds its command below `parent`. When the user asked for it, it runs and leaves session.status.
void add_check(CLI::App& parent, Session& session);
void add_plan(CLI::App& parent, Session& session);
void add_reach(CLI::App& parent, Session& session);
void add_explain(CLI::App& parent, Session& session);
void add_diff(CLI::App& parent, Session& session);
void add_lab_up(CLI::App& parent, Session& session);
void add_lab_apply(CLI::App& parent, Session& session);
void add_lab_delete(CLI::App& parent, Session& session);
void add_lab_status(CLI::App& parent, Session& session);
void add_flows(CLI::App& parent, Session& session);
void add_import(CLI::App& parent, Session& session);
void add_ipam(CLI::App& parent, Session& session);
void add_lab_probe(CLI::App& parent, Session& session);
void add_lab_compare(CLI::App& parent, Session& session);
void add_lab_conn(CLI::App& parent, Session& session);
void add_lab_test(CLI::App& parent, Session& session);
void add_lab_exec(CLI::App& parent, Session& session);
void add_lab_logs(CLI::App& parent, Session& session);
void add_lab_list(CLI::App& parent, Session& session);
void add_lab_down(CLI::App& parent, Session& session);

// No command: what runs on this machine, and what to try next.
void overview(Session& session);

// Parses `arguments` (without the program's name) and runs the command; returns the exit status.
int run(std::vector<std::string> arguments, Session& session);

}  // namespace bailey::cli
