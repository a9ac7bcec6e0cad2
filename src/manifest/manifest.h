// YAML and JSON text -> objects, with the position of every field and of every mistake.
//
// libyaml stays behind this header. Nothing here touches a file: callers read bytes and name them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "model/snapshot.h"
#include "model/source.h"

namespace bailey::manifest {

struct Document {
  std::string file;  // as the user named it; "<stdin>"
  std::string text;
};

struct Options {
  bool allow_unknown = false;  // unknown fields of strict kinds are warnings
};

struct Loaded {
  std::vector<model::AnyObject> objects;             // those without an error; of duplicates the first
  std::vector<model::InputError> errors;             // errors and warnings, in the order of the files
  std::map<std::string, std::size_t> unknown_kinds;  // "apps/v1 ReplicaSet" -> how many
  bool ok() const;                                   // no error (warnings are fine)
};

// Reads every document: multi-document YAML, JSON, `kind: List`. Limits: 4 MiB a file and 200,000 values a document, of
// JSON 256 MiB and 8,000,000 values (1,000,000 for what is no item of a list); 100 levels deep, 100,000 aliases' worth
// of expansion (billion laughs), valid UTF-8 without control characters. An object that fails is left out as a whole;
// its errors are all reported, not just the first.
Loaded load(const std::vector<Document>& documents, const Options& options);

// A mend that can be written back: the text of a document that loads, or the reason why it cannot be mended.
struct Mended {
  std::string text;
  std::vector<model::InputError> mended;  // what was wrong and has been mended
  bool changed = false;
};
// Mends what is mechanical: known wrong indentation (the guidance's Ingress), old API versions and fields, a
// missing apiVersion. Comments and untouched lines stay byte for byte.
Mended mend(const Document& document);

// One field of one object of a file, and what it shall hold.
struct FieldValue {
  std::string object;  // "Cluster/east", "Deployment/web/proxy"
  std::string field;  // "spec.dnsServiceIP"; the last key may hold dots where it holds a slash ("….kubernetes.io/os")
  std::string value;  // a scalar
};
// Sets fields: a scalar is replaced where it stands, a missing key is put first into the mapping that should hold it.
// Everything else stays byte for byte. Values that cannot be set (no such object, a text over several lines, a result
// that would not load as well) are left out; `mended` names those that were set, by code "set-field".
Mended set_fields(const Document& document, const std::vector<FieldValue>& values);

// load(), for texts as people paste them: an Ingress in an old spelling that circulates (the guidance's indentation, a
// missing apiVersion, old backend fields) is read as mended; every other mistake stays one. Each
// such mend is a warning in `errors` at the place where the user wrote it, and positions of objects are those of the
// user's file. `mended`, where given, gets one entry for each document, in their order; `changed` says which were read
// from `text` instead. Nothing but what is needed to load is mended (old API versions load as they are).
Loaded load_mending(const std::vector<Document>& documents, const Options& options, std::vector<Mended>* mended);

// The texts of this library. `expected` and `found` are noun phrases, `mend` is a sentence.
std::span<const base::Text> texts();

}  // namespace bailey::manifest
