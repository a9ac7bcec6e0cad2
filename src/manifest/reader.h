// Reading a tree into an object: paths, positions and mistakes are kept by the readers, so that a decoder only says
// which fields there are and what they must hold.
//
//   Context   one object: its name for messages, its Source, whether unknown fields are errors
//   Field     one value (or its absence) at a path; says what was expected when it is something else
//   Mapping   a value's fields; when it goes out of scope, fields that nobody asked for are reported
//
// A null value counts as absent, as in Kubernetes. Readers return std::nullopt both for what is absent and for what
// is wrong; what is wrong has been reported.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "manifest/manifest.h"
#include "manifest/node.h"
#include "manifest/parse.h"
#include "model/source.h"

namespace bailey::manifest {

class Context {
 public:
  Context(std::string file, model::Position start, const Options& options, std::vector<model::InputError>& errors);

  using Severity = model::InputError::Severity;
  void report(Severity severity, std::string code, std::string path, model::Position position, base::Message expected,
              base::Message found, base::Message mend);

  bool strict = false;
  bool failed = false;                    // an error (not a warning) has been reported
  std::string object;                     // "Ingress/default/web"
  std::shared_ptr<model::Source> source;  // becomes the object's; marks are added while it is read
  const Options& options;

 private:
  static constexpr std::size_t max_reports = 1000;  // of one object; what comes after says nothing new
  std::string file_;
  std::vector<model::InputError>& errors_;
  std::size_t reported_ = 0;
};

class Field {
 public:
  Field(Context& context, const Node* node, model::Position position, std::string path)
      : context_(&context),
        node_(node && node->type != Node::Type::null ? node : nullptr),
        position_(position),
        path_(std::move(path)) {}

  bool present() const { return node_ != nullptr; }
  explicit operator bool() const { return present(); }
  const Node& node() const { return *node_; }  // present fields only
  model::Position position() const { return position_; }
  const std::string& path() const { return path_; }
  Context& context() const { return *context_; }

  // Reports a mistake in this field; `found` is what stands there.
  void fail(std::string code, base::Message expected, base::Message mend) const;
  void fail(std::string code, base::Message expected, base::Message found, base::Message mend) const;
  void warn(std::string code, base::Message expected, base::Message found, base::Message mend) const;

  std::optional<std::string> text() const;
  std::string text_or(std::string fallback = "") const { return text().value_or(std::move(fallback)); }
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> number(std::int64_t least, std::int64_t most) const;
  // One of `words`, exactly as spelt there.
  std::optional<std::string> one_of(std::initializer_list<std::string_view> words) const;
  std::optional<std::string> one_of(const std::vector<std::string_view>& words) const;

  bool is_list() const { return node_ && node_->type == Node::Type::sequence; }
  bool is_mapping() const { return node_ && node_->type == Node::Type::mapping; }
  // Calls `visit(Field)` for each item; reports what is no list, and empty items.
  template <typename Visit>
  void each(Visit visit) const {
    if (!expect_list()) return;
    for (std::size_t i = 0; i < node_->items.size(); ++i) {
      Field item = this->item(i);
      if (item.present())
        visit(item);
      else
        item.fail_empty();
    }
  }
  std::size_t size() const { return is_list() ? node_->items.size() : 0; }
  Field item(std::size_t index) const;
  // Every member of a mapping: visit(key, key position, Field).
  template <typename Visit>
  void each_member(Visit visit) const {
    if (!expect_mapping()) return;
    for (const Member& member : node_->members)
      visit(std::string(member.key), member.key_position,
            Field(*context_, member.value, position_of(member), path_ + "." + std::string(member.key)));
  }
  std::vector<std::string> texts() const;  // a list of texts

  bool expect_mapping() const;  // reports anything else that is present

 private:
  bool expect_list() const;
  void fail_empty() const;
  Context* context_;
  const Node* node_;
  model::Position position_;
  std::string path_;
};

class Mapping {
 public:
  explicit Mapping(const Field& field);
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();  // reports unknown fields of strict kinds

  explicit operator bool() const { return node_ != nullptr; }
  // A field by name, present or not. Marks its position in the object's Source.
  Field operator[](std::string_view key);
  // The same; its absence is reported.
  Field required(std::string_view key);
  bool has(std::string_view key) const;
  // Fields that exist in the API and are not read.
  void ignore(std::initializer_list<std::string_view> keys);
  // Neither reads nor reports anything else of this mapping.
  void ignore_rest() { lenient_ = true; }
  const Field& field() const { return field_; }
  model::Position key_position(std::string_view key) const;

 private:
  std::string path_of(std::string_view key) const;
  void report_unknown(const Member& member) const;
  Field field_;
  const Node* node_;
  bool lenient_ = false;
  std::vector<std::string_view> known_;
};

// What stands there, for messages: "the number 80", "a list", "\"abc\"".
base::Message found_of(const Node& node);
// A text as messages quote it: cut at 80 characters, line breaks and control characters as escapes, in quotes.
std::string quoted(std::string_view text);

}  // namespace bailey::manifest
