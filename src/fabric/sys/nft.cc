#include "fabric/sys/nft.h"

#include <nftables/libnftables.h>

#include "base/strings.h"
#include "fabric/ruleset.h"
#include "netlink/namespace.h"

namespace bailey::fabric::sys {

struct Nft::State {
  nft_ctx* context = nullptr;
  ~State() {
    if (context) nft_ctx_free(context);
  }
};

Nft::Nft(std::unique_ptr<State> state) : state_(std::move(state)) {}
Nft::Nft(Nft&&) noexcept = default;
Nft& Nft::operator=(Nft&&) noexcept = default;
Nft::~Nft() = default;

base::Result<Nft> Nft::open_in(int namespace_fd) {
  // The context opens its netlink socket when it is made, and keeps it.
  base::Result<netlink::Inside> inside = netlink::Inside::enter(namespace_fd);
  if (!inside.ok()) return inside.error();
  auto state = std::make_unique<State>();
  state->context = nft_ctx_new(NFT_CTX_DEFAULT);
  if (!state->context) return base::Error{"open", "nftables", "libnftables gave no context"};
  nft_ctx_output_set_flags(state->context, NFT_CTX_OUTPUT_JSON);
  nft_ctx_buffer_output(state->context);
  nft_ctx_buffer_error(state->context);
  return Nft(std::move(state));
}

base::Status Nft::run(const base::Json& commands) {
  int failed = nft_run_cmd_from_buffer(state_->context, commands.dump().c_str());
  nft_ctx_get_output_buffer(state_->context);
  std::string cause(base::trim(nft_ctx_get_error_buffer(state_->context)));
  if (failed != 0) return base::Error{"change", "nftables table " + std::string(nft_table), std::move(cause)};
  return {};
}

base::Result<std::map<std::string, std::uint64_t>> Nft::counters() {
  base::Json table = base::Json::object().set("family", nft_family).set("table", nft_table);
  base::Result<base::Json> answer = list_of("counters", std::move(table));
  std::map<std::string, std::uint64_t> out;
  if (!answer.ok()) return out;  // no such table
  for (const base::Json& item : (*answer)["nftables"].items())
    if (const base::Json* counter = item.find("counter"))
      out[(*counter)["name"].as_string()] = static_cast<std::uint64_t>((*counter)["packets"].as_int());
  return out;
}

base::Result<base::Json> Nft::list() { return list_of("ruleset", nullptr); }

base::Result<base::Json> Nft::list_of(const char* what, base::Json where) {
  base::Json command = base::Json::object().set("list", base::Json::object().set(what, std::move(where)));
  base::Json commands = base::Json::array();
  commands.push(std::move(command));
  base::Json all = base::Json::object().set("nftables", std::move(commands));
  int failed = nft_run_cmd_from_buffer(state_->context, all.dump().c_str());
  std::string output = nft_ctx_get_output_buffer(state_->context);
  std::string cause(base::trim(nft_ctx_get_error_buffer(state_->context)));
  if (failed != 0) return base::Error{"list", std::string("nftables ") + what, std::move(cause)};
  return base::Json::parse(output);
}

}  // namespace bailey::fabric::sys
