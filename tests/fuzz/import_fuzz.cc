// Bytes as what az printed -> objects, each of which load() reads. Run: ./dev fuzz import
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "import/az.h"
#include "manifest/write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bailey;
  std::string text(reinterpret_cast<const char*>(data), size);
  importer::Imported imported = importer::import_az({{"fuzz", text}});
  manifest::Loaded loaded = manifest::load({{"out", manifest::yaml_of_all(imported.objects)}}, {});
  base::check(loaded.ok() && loaded.objects.size() == imported.objects.size(), "what is imported can be loaded");
  return 0;
}
