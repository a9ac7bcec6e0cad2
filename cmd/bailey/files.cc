#include "files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/strings.h"
#include "io/fd.h"

namespace bailey::cli {
namespace {

namespace fs = std::filesystem;
using manifest::Document;

constexpr std::size_t max_files = 10000;
constexpr std::size_t max_bytes = std::size_t{256} << 20;

bool is_manifest_name(const fs::path& path) {
  std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

base::Result<std::vector<std::string>> files_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error), end;
  while (!error && at != end) {
    std::error_code status_error;
    bool folder_here = at->is_directory(status_error) && !at->is_symlink(status_error);
    if (folder_here && is_hidden(at->path())) at.disable_recursion_pending();
    if (!folder_here && !is_hidden(at->path()) && is_manifest_name(at->path()) && !at->is_directory(status_error))
      files.push_back(at->path().string());
    at.increment(error);
  }
  if (error) return base::Error{"read folder", folder, error.message(), error.value()};
  std::sort(files.begin(), files.end());
  return files;
}

class Reader {
 public:
  Reader(const Session& session, bool expectations) : session_(session), expectations_(expectations) {}

  base::Status add(const std::string& path) {
    if (path == "-") return add_stdin();
    std::error_code error;
    if (!fs::is_directory(path, error)) return add_file(path, false);
    auto files = files_below(path);
    if (!files) return files.error();
    for (const std::string& file : *files)
      if (base::Status added = add_file(file, true); !added) return added;
    return {};
  }

  std::vector<Document> take() { return std::move(documents_); }

 private:
  base::Status add_stdin() {
    base::Result<std::string> text = session_.read_stdin();
    if (!text) return text.error();
    return keep({"<stdin>", std::move(*text)});
  }

  base::Status add_file(const std::string& path, bool in_folder) {
    base::Result<std::string> text = io::read_file(path, max_bytes);
    if (!text) return text.error();
    if (in_folder && is_expectations(*text) != expectations_) return {};
    return keep({path, std::move(*text)});
  }

  base::Status keep(Document document) {
    bytes_ += document.text.size();
    if (bytes_ > max_bytes)
      return base::Error{"read", document.file, "more than " + std::to_string(max_bytes) + " bytes in all", 0};
    if (documents_.size() == max_files)
      return base::Error{"read", document.file, "more than " + std::to_string(max_files) + " files", 0};
    documents_.push_back(std::move(document));
    return {};
  }

  const Session& session_;
  bool expectations_;
  std::vector<Document> documents_;
  std::size_t bytes_ = 0;
};

}  // namespace

base::Result<std::vector<Document>> read_inputs(const std::vector<std::string>& paths, const Session& session,
                                                bool expectations) {
  Reader reader(session, expectations);
  for (const std::string& path : paths)
    if (base::Status added = reader.add(path); !added) return added.error();
  return reader.take();
}

bool is_expectations(std::string_view yaml) {
  bool found = false;
  for (std::string_view line : base::split(yaml, '\n')) {
    if (base::trim(line).empty() || line[0] == '#' || line[0] == ' ' || line[0] == '-') continue;
    if (!line.starts_with("expect:")) return false;
    found = true;
  }
  return found;
}

}  // namespace bailey::cli
