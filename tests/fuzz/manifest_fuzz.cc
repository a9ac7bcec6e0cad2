// Bytes -> load(), mend(), load_mending() and validate(). Run: ./dev fuzz manifest
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "manifest/manifest.h"
#include "model/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bailey;
  std::vector<manifest::Document> documents = {{"fuzz", std::string(reinterpret_cast<const char*>(data), size)}};
  manifest::Loaded loaded = manifest::load(documents, {});
  for (const model::InputError& error : loaded.errors)
    base::check(error.position.line > 0 && error.position.column > 0, "every error has a position");
  for (const model::InputError& error : model::validate(model::snapshot_of(loaded.objects)))
    base::check(!error.code.empty(), "every error has a code");
  manifest::Mended mended = manifest::mend(documents[0]);
  base::check(mended.changed || mended.text == documents[0].text, "an unchanged text is the text");
  manifest::load_mending(documents, {}, nullptr);
  return 0;
}
