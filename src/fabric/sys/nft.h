// libnftables for one network namespace: JSON commands in, JSON answers out.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace bailey::fabric::sys {

class Nft {
 public:
  // Talks to the namespace from then on, wherever the thread goes.
  static base::Result<Nft> open_in(int namespace_fd);
  Nft(Nft&&) noexcept;
  Nft& operator=(Nft&&) noexcept;
  ~Nft();

  // One transaction: all of it or nothing.
  base::Status run(const base::Json& commands);
  // Packets of each named counter of the fabric's table; empty where there is no such table.
  base::Result<std::map<std::string, std::uint64_t>> counters();
  // The whole ruleset of the namespace, as libnftables lists it.
  base::Result<base::Json> list();

 private:
  struct State;
  base::Result<base::Json> list_of(const char* what, base::Json where);
  explicit Nft(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bailey::fabric::sys
