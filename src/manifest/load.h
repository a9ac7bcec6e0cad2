// The steps of load(), for mend.cc to use on texts that it has changed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/manifest.h"
#include "manifest/node.h"
#include "manifest/parse.h"

namespace bailey::manifest {

// Collects what several files hold. read() once for each file, then take().
class Loader {
 public:
  explicit Loader(const Options& options) : options_(options) {}
  // `lines`: for each line of the text the line of the file that the user knows (empty: the same).
  // `notes` are put among the errors, in the order of their positions.
  void read(const std::string& file, std::string_view text, const std::vector<std::uint32_t>& lines = {},
            const std::vector<model::InputError>& notes = {});
  Loaded take() { return std::move(loaded_); }

 private:
  void add(model::InputError error) { loaded_.errors.push_back(std::move(error)); }
  struct Inherited {  // what an item of a PodList takes from its list
    std::string kind;
    std::string api_version;
  };
  void read_root(const std::string& file, NodePtr root, const Inherited& inherited);
  void read_list(const std::string& file, const Node& root, const std::string& kind, const std::string& api_version);
  void read_item(const std::string& file, NodePtr item, const Inherited& inherited);
  void read_object(const std::string& file, NodePtr root, model::Kind kind, const std::string& api_version);
  bool full() const { return loaded_.errors.size() >= max_errors; }

  static constexpr std::size_t max_errors = 1000;
  const Options& options_;
  Loaded loaded_;
  struct Place {
    std::string file;
    model::Position position;
  };
  std::map<model::ObjectRef, Place> seen_;
};

model::InputError input_error(const std::string& file, const Flaw& flaw);

}  // namespace bailey::manifest
