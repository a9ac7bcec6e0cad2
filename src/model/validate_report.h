// How the checks of validate() say what they found. Internal to model/.
#pragma once

#include <string>
#include <vector>

#include "model/snapshot.h"
#include "model/source.h"

namespace bailey::model {

class Report {
 public:
  // The position is that of `path` in the object's source, or nothing where it has none.
  void error(const Meta& meta, std::string path, std::string code, base::Message expected, base::Message found,
             base::Message mend);
  std::vector<InputError> take();  // by file and position

 private:
  std::vector<InputError> errors_;
};

void check_references(const Snapshot& snapshot, Report& report);  // what is named must exist; who owns what
void check_addresses(const Snapshot& snapshot, Report& report);   // inside their subnets, free, nobody else's
void check_ranges(const Snapshot& snapshot, Report& report);      // networks that are connected do not overlap

}  // namespace bailey::model
