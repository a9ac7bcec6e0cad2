// Manifests in folders as the source of objects: all of them at first, then what changes. An object that a file had and
// has no more is gone; one whose file is broken now stays as it last was, and the problem is told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "io/loop.h"
#include "model/snapshot.h"

namespace bailey::agent {

// Watch events of JSON, [{type, object}], as model events. A DELETED object needs its kind and its name only. Of
// several events of one object the last counts; other kinds than those of network policy are passed over.
base::Result<std::vector<model::Event>> events_of(const base::Json& list);

class FilesSource {
 public:
  struct Change {
    std::vector<model::Event> events;
    bool replace = true;
    std::vector<std::string> problems;  // "file:line: what"
  };
  using Changed = std::function<void(const Change&)>;

  // `changed` is called with everything before this returns, and from the loop after each change. Fails where a file is
  // broken already.
  static base::Result<std::unique_ptr<FilesSource>> start(io::Loop& loop, std::vector<std::string> paths,
                                                          Changed changed);
  ~FilesSource();
  FilesSource(const FilesSource&) = delete;
  FilesSource& operator=(const FilesSource&) = delete;

 private:
  FilesSource(io::Loop& loop, std::vector<std::string> paths, Changed changed);
  base::Status watch();
  void something_changed();
  base::Status load();

  io::Loop& loop_;
  std::vector<std::string> paths_;
  Changed changed_;
  io::Fd notify_;
  std::optional<io::Loop::TimerId> pending_;
  // The objects of each file, as of the last time it could be read as a whole.
  std::map<std::string, std::vector<model::AnyObject>> good_;
  bool loaded_ = false;
};

}  // namespace bailey::agent
