// Runs a fuzzer's function over every file of its corpus, so that what once broke a parser is tried in every test
// run, with any compiler. A broken input ends the process through the sanitizer or a failed check.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

bool replay(const std::filesystem::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return false;
  std::string bytes;
  char part[65536];
  while (std::size_t count = std::fread(part, 1, sizeof part, file)) bytes.append(part, count);
  std::fclose(file);
  std::fprintf(stderr, "%s\n", path.c_str());
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i], error))
      if (entry.is_regular_file()) {
        if (!replay(entry.path())) return 1;
        ++files;
      }
  }
  std::fprintf(stderr, "%zu inputs\n", files);
  return files == 0;  // a corpus that went missing must not look like one that passed
}
