// libgit2 stays behind revision.h.
#include "revision.h"

#include <git2.h>

#include <algorithm>
#include <memory>

#include "files.h"

namespace bailey::cli {
namespace {

using manifest::Document;

constexpr std::size_t max_files = 10000;
constexpr std::size_t max_bytes = std::size_t{256} << 20;

template <typename T, void (*free_it)(T*)>
struct Freed {
  void operator()(T* object) const { free_it(object); }
};
using Repository = std::unique_ptr<git_repository, Freed<git_repository, git_repository_free>>;
using Object = std::unique_ptr<git_object, Freed<git_object, git_object_free>>;
using Entry = std::unique_ptr<git_tree_entry, Freed<git_tree_entry, git_tree_entry_free>>;

// libgit2 counts its users; the last one ends it.
struct Library {
  Library() { git_libgit2_init(); }
  ~Library() { git_libgit2_shutdown(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

base::Error failed(const std::string& object) {
  const git_error* error = git_error_last();
  return {"read", object, error && error->message ? error->message : "git knows nothing of it", 0};
}

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

class Walk {
 public:
  Walk(git_repository* repository, std::string revision) : repository_(repository), revision_(std::move(revision)) {}

  base::Status add(const git_object* object, const std::string& path, bool in_folder) {
    if (git_object_type(object) == GIT_OBJECT_BLOB) return add_blob(object, path, in_folder);
    const auto* tree = reinterpret_cast<const git_tree*>(object);
    for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      std::string name = git_tree_entry_name(entry);
      bool folder = git_tree_entry_type(entry) == GIT_OBJECT_TREE;
      bool file = git_tree_entry_type(entry) == GIT_OBJECT_BLOB;
      if (name.starts_with(".") || (!folder && !(file && is_manifest(name)))) continue;
      git_object* raw = nullptr;
      if (git_tree_entry_to_object(&raw, repository_, entry) != 0) return failed(path + "/" + name);
      Object child(raw);
      std::string below = path.empty() ? name : path + "/" + name;
      if (base::Status added = add(child.get(), below, true); !added) return added;
    }
    return {};
  }

  std::vector<Document> take() {
    std::sort(documents_.begin(), documents_.end(),
              [](const Document& a, const Document& b) { return a.file < b.file; });
    return std::move(documents_);
  }

 private:
  base::Status add_blob(const git_object* object, const std::string& path, bool in_folder) {
    const auto* blob = reinterpret_cast<const git_blob*>(object);
    std::string file = "git:" + revision_ + ":" + path;
    auto size = static_cast<std::size_t>(git_blob_rawsize(blob));
    bytes_ += size;
    if (bytes_ > max_bytes)
      return base::Error{"read", file, "more than " + std::to_string(max_bytes) + " bytes in all", 0};
    if (documents_.size() == max_files)
      return base::Error{"read", file, "more than " + std::to_string(max_files) + " files", 0};
    std::string text(static_cast<const char*>(git_blob_rawcontent(blob)), size);
    if (in_folder && is_expectations(text)) return {};
    documents_.push_back({std::move(file), std::move(text)});
    return {};
  }

  git_repository* repository_;
  std::string revision_;
  std::vector<Document> documents_;
  std::size_t bytes_ = 0;
};

}  // namespace

bool is_revision(std::string_view text) { return text.starts_with("git:"); }

base::Result<std::vector<Document>> read_revision(std::string_view text) {
  std::string whole(text);
  std::size_t colon = whole.find(':', 4);
  if (colon == std::string::npos || colon == 4)
    return base::Error{"read", whole, "a revision is written git:REV:PATH, for example git:HEAD~1:manifests", 0};
  std::string revision = whole.substr(4, colon - 4);
  std::string path = whole.substr(colon + 1);
  while (path.starts_with("./")) path.erase(0, 2);
  while (path.ends_with("/")) path.pop_back();
  if (path == ".") path.clear();

  Library library;
  git_repository* raw_repository = nullptr;
  if (git_repository_open_ext(&raw_repository, ".", 0, nullptr) != 0) return failed("the git repository here");
  Repository repository(raw_repository);
  git_object* raw_tree = nullptr;
  if (git_revparse_single(&raw_tree, repository.get(), (revision + "^{tree}").c_str()) != 0) return failed(revision);
  Object tree(raw_tree);
  Walk walk(repository.get(), revision);
  if (path.empty()) {
    if (base::Status added = walk.add(tree.get(), "", true); !added) return added.error();
    return walk.take();
  }
  git_tree_entry* raw_entry = nullptr;
  if (git_tree_entry_bypath(&raw_entry, reinterpret_cast<git_tree*>(tree.get()), path.c_str()) != 0)
    return failed(whole);
  Entry entry(raw_entry);
  git_object* raw_object = nullptr;
  if (git_tree_entry_to_object(&raw_object, repository.get(), entry.get()) != 0) return failed(whole);
  Object object(raw_object);
  bool folder = git_object_type(object.get()) == GIT_OBJECT_TREE;
  if (base::Status added = walk.add(object.get(), path, folder); !added) return added.error();
  return walk.take();
}

}  // namespace bailey::cli
