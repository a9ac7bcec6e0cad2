// The texts of the objects that a lab was given, to hand them out again as they were written.
//
// A text is kept as long as an object of it is. Of YAML only the documents that hold such objects are handed out; what
// is one piece, JSON or a `kind: List`, comes whole, with objects that were deleted since.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "manifest/manifest.h"
#include "model/snapshot.h"

namespace bailey::lab {

class Given {
 public:
  struct Batch {
    struct Place {
      model::ObjectRef ref;
      std::size_t document = 0;
      std::uint32_t line = 0;  // where the object starts
    };
    std::vector<manifest::Document> documents;
    std::vector<Place> places;
  };
  // What was loaded from the documents: objects that name one of them as their file.
  static Batch batch(std::vector<manifest::Document> documents, const std::vector<model::AnyObject>& objects);

  // Objects that are held already are held by the later text from now on.
  void add(Batch batch);
  void remove(const model::ObjectRef& ref) { held_.erase(ref); }

  // In the order in which they were given.
  std::vector<manifest::Document> documents() const;

 private:
  struct Holder {
    std::shared_ptr<const manifest::Document> document;
    std::size_t number = 0;  // of the document, in order of arrival
    std::uint32_t line = 0;
  };
  std::map<model::ObjectRef, Holder> held_;
  std::size_t next_ = 0;
};

}  // namespace bailey::lab
