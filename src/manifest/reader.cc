#include "manifest/reader.h"

#include <algorithm>

#include "base/strings.h"

namespace bailey::manifest {

using base::Message;
using model::InputError;

Context::Context(std::string file, model::Position start, const Options& the_options, std::vector<InputError>& errors)
    : source(std::make_shared<model::Source>(file, start)),
      options(the_options),
      file_(std::move(file)),
      errors_(errors) {}

void Context::report(Severity severity, std::string code, std::string path, model::Position position, Message expected,
                     Message found, Message mend) {
  if (severity == Severity::error) failed = true;
  if (++reported_ > max_reports) return;
  errors_.push_back({severity, std::move(code), file_, position, object, std::move(path), std::move(expected),
                     std::move(found), std::move(mend)});
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  std::size_t characters = 0;
  for (char c : text) {
    bool starts = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (starts && ++characters > 80) return out + "…\"";
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += "?";
    else
      out += c;
  }
  return out + "\"";
}

Message found_of(const Node& node) {
  switch (node.type) {
    case Node::Type::null: return {"manifest.found-nothing", {}};
    case Node::Type::boolean: return {"manifest.found-boolean", {std::string(node.text)}};
    case Node::Type::integer:
    case Node::Type::real: return {"manifest.found-number", {std::string(node.text.substr(0, 80))}};
    case Node::Type::text:
      if (node.text.empty()) return {"manifest.found-empty", {}};
      return {"manifest.found-text", {quoted(node.text)}};
    case Node::Type::sequence: return {"manifest.found-list", {}};
    case Node::Type::mapping: return {"manifest.found-mapping", {}};
  }
  return {"manifest.found-nothing", {}};
}

void Field::fail(std::string code, Message expected, Message mend) const {
  fail(std::move(code), std::move(expected), node_ ? found_of(*node_) : Message{"manifest.found-nothing", {}},
       std::move(mend));
}

void Field::fail(std::string code, Message expected, Message found, Message mend) const {
  context_->report(Context::Severity::error, std::move(code), path_, position_, std::move(expected), std::move(found),
                   std::move(mend));
}

void Field::warn(std::string code, Message expected, Message found, Message mend) const {
  context_->report(Context::Severity::warning, std::move(code), path_, position_, std::move(expected), std::move(found),
                   std::move(mend));
}

std::optional<std::string> Field::text() const {
  if (!node_) return std::nullopt;
  if (node_->type == Node::Type::text) return std::string(node_->text);
  Message mend = node_->is_scalar()
                     ? Message{"manifest.mend-quote", {"\"" + std::string(node_->text.substr(0, 80)) + "\""}}
                     : Message{"manifest.mend-one-text", {}};
  fail("wrong-type", {"manifest.expected-text", {}}, mend);
  return std::nullopt;
}

std::optional<bool> Field::boolean() const {
  if (!node_) return std::nullopt;
  if (node_->type == Node::Type::boolean) return boolean_value(node_->text);
  fail("wrong-type", {"manifest.expected-boolean", {}}, {"manifest.mend-boolean", {}});
  return std::nullopt;
}

std::optional<std::int64_t> Field::number(std::int64_t least, std::int64_t most) const {
  if (!node_) return std::nullopt;
  Message expected{"manifest.expected-number", {std::to_string(least), std::to_string(most)}};
  std::int64_t value = 0;
  if (node_->type == Node::Type::text) {
    bool numeric = plain_type(node_->text) == Node::Type::integer;
    fail("wrong-type", expected,
         numeric ? Message{"manifest.mend-unquote", {std::string(node_->text.substr(0, 80))}}
                 : Message{"manifest.mend-number", {}});
    return std::nullopt;
  }
  if (node_->type != Node::Type::integer && node_->type != Node::Type::real) {
    fail("wrong-type", expected, {"manifest.mend-number", {}});
    return std::nullopt;
  }
  if (node_->type == Node::Type::real || !integer_value(node_->text, &value) || value < least || value > most) {
    fail("out-of-range", expected, {"manifest.mend-number", {}});
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> Field::one_of(std::initializer_list<std::string_view> words) const {
  return one_of(std::vector<std::string_view>(words));
}

std::optional<std::string> Field::one_of(const std::vector<std::string_view>& words) const {
  std::optional<std::string> word = text();
  if (!word) return std::nullopt;
  if (std::find(words.begin(), words.end(), *word) != words.end()) return word;
  std::string list;
  for (std::string_view candidate : words)
    list += (list.empty() ? "" : ", ") + (candidate.empty() ? "\"\"" : std::string(candidate));
  auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  };
  std::string near;
  for (std::string_view candidate : words)
    if (lower(candidate) == lower(*word)) near = candidate;
  if (near.empty()) near = base::nearest(*word, words);
  fail("bad-value", {"manifest.expected-one-of", {list}},
       near.empty() ? Message{"manifest.mend-one-of", {}} : Message{"manifest.mend-write", {near}});
  return std::nullopt;
}

Field Field::item(std::size_t index) const {
  NodePtr node = node_->items[index];
  Field item(*context_, node, node->position, path_ + "[" + std::to_string(index) + "]");
  context_->source->mark(item.path_, item.position_);
  return item;
}

std::vector<std::string> Field::texts() const {
  std::vector<std::string> out;
  each([&](const Field& item) {
    if (std::optional<std::string> value = item.text()) out.push_back(std::move(*value));
  });
  return out;
}

bool Field::expect_list() const {
  if (!node_) return false;
  if (node_->type == Node::Type::sequence) return true;
  fail("wrong-type", {"manifest.expected-list", {}}, {"manifest.mend-list", {}});
  return false;
}

bool Field::expect_mapping() const {
  if (!node_) return false;
  if (node_->type == Node::Type::mapping) return true;
  fail("wrong-type", {"manifest.expected-mapping", {}}, {"manifest.mend-mapping", {}});
  return false;
}

void Field::fail_empty() const { fail("empty-item", {"manifest.expected-item", {}}, {"manifest.mend-item", {}}); }

Mapping::Mapping(const Field& field) : field_(field), node_(field.expect_mapping() ? &field.node() : nullptr) {}

std::string Mapping::path_of(std::string_view key) const {
  return field_.path().empty() ? std::string(key) : field_.path() + "." + std::string(key);
}

Field Mapping::operator[](std::string_view key) {
  known_.push_back(key);
  const Member* member = node_ ? node_->find(key) : nullptr;
  if (!member) return Field(field_.context(), nullptr, field_.position(), path_of(key));
  model::Position position = position_of(*member);
  std::string path = path_of(key);
  field_.context().source->mark(path, position);
  return Field(field_.context(), member->value, position, std::move(path));
}

Field Mapping::required(std::string_view key) {
  Field field = (*this)[key];
  if (node_ && !field.present())
    field.fail("missing-field", {"manifest.expected-field", {std::string(key)}},
               {"manifest.mend-add-field", {std::string(key)}});
  return field;
}

bool Mapping::has(std::string_view key) const {
  const Member* member = node_ ? node_->find(key) : nullptr;
  return member && member->value->type != Node::Type::null;
}

void Mapping::ignore(std::initializer_list<std::string_view> keys) {
  known_.insert(known_.end(), keys.begin(), keys.end());
}

model::Position Mapping::key_position(std::string_view key) const {
  const Member* member = node_ ? node_->find(key) : nullptr;
  return member ? member->key_position : field_.position();
}

void Mapping::report_unknown(const Member& member) const {
  Context& context = field_.context();
  auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  };
  std::string near;
  for (std::string_view candidate : known_)
    if (lower(candidate) == lower(member.key)) near = candidate;
  if (near.empty()) near = base::nearest(member.key, known_);
  std::string list;
  for (std::size_t i = 0; i < known_.size(); ++i)
    if (std::find(known_.begin(), known_.begin() + static_cast<std::ptrdiff_t>(i), known_[i]) ==
        known_.begin() + static_cast<std::ptrdiff_t>(i))
      list += (list.empty() ? "" : ", ") + std::string(known_[i]);
  context.report(
      context.options.allow_unknown ? Context::Severity::warning : Context::Severity::error, "unknown-field",
      path_of(quoted(member.key).substr(1, quoted(member.key).size() - 2)), member.key_position,
      {"manifest.expected-known-field", {list}}, {"manifest.found-field", {quoted(member.key)}},
      near.empty() ? Message{"manifest.mend-remove-field", {}} : Message{"manifest.mend-did-you-mean", {near}});
}

Mapping::~Mapping() {
  if (!node_ || lenient_ || !field_.context().strict) return;
  std::size_t unknown = 0;
  for (const Member& member : node_->members)
    if (std::find(known_.begin(), known_.end(), member.key) == known_.end() && ++unknown <= 100) report_unknown(member);
}

}  // namespace bailey::manifest
