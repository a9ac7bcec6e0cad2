// Bytes as JSON -> a tree, beside base::Json (nlohmann-json): what one accepts, the other does. Run: ./dev fuzz json
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/json.h"
#include "manifest/tree_builder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bailey;
  std::string text(reinterpret_cast<const char*>(data), size);
  if (manifest::check_text(text) || text.starts_with("\xEF\xBB\xBF")) return 0;
  manifest::Chunk chunk{1, text, false};
  manifest::LineNumbers numbers(chunk, nullptr);
  for (bool defer : {false, true}) {
    manifest::JsonParsed mine = manifest::parse_json(chunk, numbers, 1, defer);
    for (const manifest::Flaw& flaw : mine.parsed.flaws)
      base::check(flaw.position.line > 0 && flaw.position.column > 0, "every flaw has a position");
    if (mine.is_json && !mine.parsed.flaws.empty()) continue;  // a limit, or a key met twice
    base::Result<base::Json> other = base::Json::parse(text);
    if (!other && other.error().cause.find("out_of_range") != std::string::npos) continue;  // 1e999
    base::check(mine.is_json == bool(other), "both accept the text or neither");
  }
  return 0;
}
