#include "agent/files.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "manifest/manifest.h"

namespace bailey::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t what_changes =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::int64_t rest_ms = 100;  // an editor or a checkout writes several files in a row

bool is_manifest(const fs::path& path) {
  std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// What a path stands for, and the folders that must be watched for it.
void collect(const fs::path& path, std::vector<std::string>& files, std::vector<std::string>& folders) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    files.push_back(path.string());
    folders.push_back(path.has_parent_path() ? path.parent_path().string() : ".");
    return;
  }
  folders.push_back(path.string());
  for (fs::recursive_directory_iterator at(path, ignored), end; !ignored && at != end; at.increment(ignored)) {
    std::error_code status;
    if (at->is_directory(status))
      folders.push_back(at->path().string());
    else if (is_manifest(at->path()))
      files.push_back(at->path().string());
  }
}

std::string text_of(const model::InputError& error) {
  return error.file + ":" + std::to_string(error.position.line) + ": " + error.object +
         (error.field.empty() ? "" : " " + error.field) + ": " + error.code;
}

bool tells_of_policy(const std::string& kind) {
  return kind == "Namespace" || kind == "Node" || kind == "Pod" || kind == "NetworkPolicy";
}

model::Event deletion(const base::Json& object) {
  model::Event out{model::Event::Type::deleted, std::nullopt};
  std::optional<model::Kind> kind = model::kind_of(object["kind"].as_string());
  if (!kind) return out;
  auto name = [&](auto made) {
    made->meta.kind = *kind;
    made->meta.ns = object["metadata"]["namespace"].as_string();
    made->meta.name = object["metadata"]["name"].as_string();
    out.object = model::AnyObject(std::move(made));
  };
  switch (*kind) {
    case model::Kind::Namespace: name(std::make_shared<model::Namespace>()); break;
    case model::Kind::Node: name(std::make_shared<model::Node>()); break;
    case model::Kind::Pod: name(std::make_shared<model::Pod>()); break;
    case model::Kind::NetworkPolicy: name(std::make_shared<model::NetworkPolicy>()); break;
    default: break;
  }
  return out;
}

}  // namespace

base::Result<std::vector<model::Event>> events_of(const base::Json& list) {
  // Of several events of one object the last one counts, so their order among objects does not.
  std::map<std::string, const base::Json*> last;
  for (const base::Json& event : list.items()) {
    const base::Json& object = event["object"];
    if (!tells_of_policy(object["kind"].as_string())) continue;
    const base::Json& meta = object["metadata"];
    last[object["kind"].as_string() + "/" + meta["namespace"].as_string() + "/" + meta["name"].as_string()] = &event;
  }
  std::vector<model::Event> out;
  base::Json items = base::Json::array();
  for (const auto& [key, event] : last) {
    if ((*event)["type"].as_string() == "DELETED")
      out.push_back(deletion((*event)["object"]));
    else
      items.push((*event)["object"]);
  }
  base::Json document = base::Json::object().set("apiVersion", "v1").set("kind", "List").set("items", std::move(items));
  manifest::Loaded loaded = manifest::load({{"<events>", document.dump()}}, {true});
  for (const model::InputError& error : loaded.errors)
    if (error.severity == model::InputError::Severity::error)
      return base::Error{"read", "the events", text_of(error), EINVAL};
  for (model::AnyObject& object : loaded.objects) out.push_back({model::Event::Type::modified, std::move(object)});
  return out;
}

FilesSource::FilesSource(io::Loop& loop, std::vector<std::string> paths, Changed changed)
    : loop_(loop), paths_(std::move(paths)), changed_(std::move(changed)) {}

FilesSource::~FilesSource() {
  if (pending_) loop_.cancel(*pending_);
  if (notify_) loop_.forget(notify_.get());
}

base::Result<std::unique_ptr<FilesSource>> FilesSource::start(io::Loop& loop, std::vector<std::string> paths,
                                                              Changed changed) {
  for (const std::string& path : paths)
    if (::access(path.c_str(), R_OK) != 0) return base::system_error("read manifests in", path, errno);
  std::unique_ptr<FilesSource> out(new FilesSource(loop, std::move(paths), std::move(changed)));
  if (base::Status first = out->load(); !first.ok()) return first.error();
  return out;
}

// Anew each time: folders come and go.
base::Status FilesSource::watch() {
  if (notify_) loop_.forget(notify_.get());
  notify_ = io::Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!notify_) return base::system_error("watch", "manifests", errno);
  std::vector<std::string> files;
  std::vector<std::string> folders;
  for (const std::string& path : paths_) collect(path, files, folders);
  for (const std::string& folder : folders)
    if (inotify_add_watch(notify_.get(), folder.c_str(), what_changes) < 0 && errno != ENOENT)
      return base::system_error("watch", folder, errno);
  return loop_.watch(notify_.get(), EPOLLIN, [this](std::uint32_t) { something_changed(); });
}

void FilesSource::something_changed() {
  char bytes[8192];
  while (::read(notify_.get(), bytes, sizeof bytes) > 0) {
  }
  if (pending_) loop_.cancel(*pending_);
  pending_ = loop_.after(rest_ms, [this] {
    pending_.reset();
    (void)load();
  });
}

base::Status FilesSource::load() {
  bool first = !loaded_;
  std::vector<std::string> files;
  std::vector<std::string> folders;
  for (const std::string& path : paths_) collect(path, files, folders);
  std::sort(files.begin(), files.end());
  Change change;
  if (base::Status watched = watch(); !watched.ok()) change.problems.push_back(watched.error().text());
  std::map<std::string, std::vector<model::AnyObject>> now;
  for (const std::string& file : files) {
    base::Result<std::string> text = io::read_file(file);
    if (!text.ok() && text.error().code == ENOENT) continue;  // gone in between
    std::vector<model::AnyObject>& objects = now[file];
    manifest::Loaded loaded;
    if (text.ok()) loaded = manifest::load({{file, std::move(text).value()}}, {});
    if (!text.ok()) change.problems.push_back(text.error().text());
    for (const model::InputError& error : loaded.errors)
      if (error.severity == model::InputError::Severity::error) change.problems.push_back(text_of(error));
    objects = std::move(loaded.objects);
    if (text.ok() && loaded.ok()) continue;
    // What cannot be read any more stays what it was.
    for (const model::AnyObject& before : good_[file]) {
      bool there = std::any_of(objects.begin(), objects.end(), [&](const model::AnyObject& each) {
        return model::meta(each).ref() == model::meta(before).ref();
      });
      if (!there) objects.push_back(before);
    }
  }
  // A broken file at the start has no former version: to go on without it might open what it closes.
  if (first && !change.problems.empty())
    return base::Error{"read manifests", change.problems.front(),
                       std::to_string(change.problems.size()) + " mistakes; mend them and start again", EINVAL};
  loaded_ = true;
  good_ = std::move(now);
  for (const auto& [file, objects] : good_)
    for (const model::AnyObject& object : objects) change.events.push_back({model::Event::Type::added, object});
  changed_(change);
  return {};
}

}  // namespace bailey::agent
