// One Reader walks one row: it takes the members it knows, notes every mistake with its path, and at last names
// the members that nobody took. A row with a mistake is left out as a whole.
#include <algorithm>
#include <set>

#include "base/strings.h"
#include "lab/expectations/expectations.h"

namespace bailey::lab {
namespace {

using base::Json;
using model::EndpointName;
using model::InputError;

struct Context {
  const std::string& file;
  const model::Source* positions;
  std::vector<InputError>& errors;

  model::Position at(const std::string& path) const { return positions ? positions->at(path) : model::Position{}; }
  void error(const std::string& path, const char* code, base::Message expected, base::Message found,
             base::Message mend) {
    errors.push_back({InputError::Severity::error, code, file, at(path), "", path, std::move(expected),
                      std::move(found), std::move(mend)});
  }
};

base::Message describe(const Json& value) {
  if (value.is_null()) return {"expect.found-nothing", {}};
  std::string text = value.dump();
  if (text.size() > 80) {
    std::size_t end = 77;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text = text.substr(0, end) + "...";
  }
  return {"expect.found", {text}};
}

class Reader {
 public:
  Reader(Context& context, const Json& object, std::string path)
      : context_(context), object_(object), path_(std::move(path)) {}

  const Json& take(const char* key) {
    known_.push_back(key);
    return object_[key];
  }
  bool has(const char* key) const { return object_.has(key) && !object_[key].is_null(); }
  std::string path(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  bool failed() const { return failed_; }

  void fail(const std::string& key, const char* code, const char* expected, std::vector<std::string> args = {}) {
    failed_ = true;
    context_.error(path(key), code, {expected, std::move(args)}, describe(object_[key]), {"expect.mend-value", {key}});
  }

  std::string text(const char* key) {
    const Json& value = take(key);
    if (value.is_null()) return "";
    if (!value.is_string() || value.as_string().empty()) fail(key, "bad-type", "expect.expected-text");
    return value.as_string();
  }
  std::string required_text(const char* key) {
    if (!has(key)) {
      take(key);
      missing(key);
      return "";
    }
    return text(key);
  }
  void missing(const char* key) {
    failed_ = true;
    context_.error(path_, "missing-field", {"expect.expected-field", {key}}, {"expect.found-nothing", {}},
                   {"expect.mend-missing", {key}});
  }

  EndpointName endpoint(const char* key) {
    std::string written = required_text(key);
    std::optional<EndpointName> parsed = EndpointName::parse(written);
    if (!parsed && !written.empty()) fail(key, "bad-endpoint", "expect.expected-endpoint");
    return parsed.value_or(EndpointName{});
  }

  int integer(const char* key, int fallback, int low, int high) {
    const Json& value = take(key);
    if (value.is_null()) return fallback;
    std::int64_t number = value.as_int(low - 1);
    if (!value.is_int() || number < low || number > high) {
      fail(key, "bad-number", "expect.expected-number", {std::to_string(low), std::to_string(high)});
      return fallback;
    }
    return static_cast<int>(number);
  }

  // A list of texts, or one text.
  std::vector<std::string> text_list(const char* key) {
    const Json& value = take(key);
    std::vector<std::string> out;
    if (value.is_null()) return out;
    if (value.is_string()) return {value.as_string()};
    bool good = value.is_array() && std::all_of(value.items().begin(), value.items().end(),
                                                [](const Json& item) { return item.is_string(); });
    if (!good) fail(key, "bad-type", "expect.expected-texts");
    for (const Json& item : value.items()) out.push_back(item.as_string());
    return out;
  }

  std::optional<Statement> statement(const char* key) {
    const Json& value = take(key);
    if (value.is_null()) return std::nullopt;
    if (value.is_string() && !value.as_string().empty()) return Statement{value.as_string(), value.as_string()};
    bool both = value.is_object() && value.members().size() == 2 && !value["en"].as_string().empty() &&
                !value["ko"].as_string().empty();
    if (!both) {
      fail(key, "bad-type", "expect.expected-statement");
      return std::nullopt;
    }
    return Statement{value["en"].as_string(), value["ko"].as_string()};
  }

  // To be called last.
  void refuse_unknown() {
    std::vector<std::string_view> known(known_.begin(), known_.end());
    for (const auto& [key, value] : object_.members()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      failed_ = true;
      std::string near = base::nearest(key, known);
      base::Message mend =
          near.empty() ? base::Message{"expect.mend-remove", {key}} : base::Message{"expect.mend-rename", {key, near}};
      context_.error(path(key), "unknown-field", {"expect.expected-fields", {base::join(known_, ", ")}},
                     {"expect.found", {key}}, mend);
    }
  }

 private:
  Context& context_;
  const Json& object_;
  std::string path_;
  std::vector<std::string> known_;
  bool failed_ = false;
};

std::optional<model::Family> family(Reader& reader) {
  const Json& value = reader.take("family");
  if (value.is_null()) return std::nullopt;
  if (value.as_int() == 4 || value.as_string() == "4") return model::Family::v4;
  if (value.as_int() == 6 || value.as_string() == "6") return model::Family::v6;
  reader.fail("family", "bad-family", "expect.expected-family");
  return std::nullopt;
}

void check_answered_by(Reader& reader, const std::string& written) {
  if (!written.empty() && !EndpointName::parse(written))
    reader.fail("answered_by", "bad-endpoint", "expect.expected-endpoint");
}

ReachExpectation reach_row(Reader& reader) {
  ReachExpectation row;
  row.from = reader.endpoint("from");
  row.to = reader.endpoint("to");
  const Json& port = reader.take("port");
  std::string port_text = port.is_int() ? std::to_string(port.as_int()) : port.as_string();
  if (port.is_null())
    reader.missing("port");
  else if (auto parsed = model::Port::parse(port_text))
    row.port = *parsed;
  else
    reader.fail("port", "bad-port", "expect.expected-port");
  row.family = family(reader);
  std::string verdict = reader.required_text("verdict");
  row.allow = verdict == "allow";
  if (!verdict.empty() && verdict != "allow" && verdict != "deny")
    reader.fail("verdict", "bad-verdict", "expect.expected-verdict");
  row.source_seen = reader.text("source_seen");
  auto address = model::Address::parse(row.source_seen);
  if (address) row.source_seen = address->text();
  if (!row.source_seen.empty() && row.source_seen != "pod" && row.source_seen != "node" && !address)
    reader.fail("source_seen", "bad-source", "expect.expected-source");
  // A pod's address cannot be seen where none asks.
  if (row.source_seen == "pod" && !reader.failed() && row.from.type != EndpointName::Type::pod)
    reader.fail("source_seen", "bad-source", "expect.expected-pod-source");
  row.answered_by = reader.text("answered_by");
  check_answered_by(reader, row.answered_by);
  if (verdict == "deny" && (!row.source_seen.empty() || !row.answered_by.empty()))
    reader.fail(row.source_seen.empty() ? "answered_by" : "source_seen", "unusable", "expect.expected-no-far-end");
  row.decided_by = reader.text("decided_by");
  if (auto object = model::ObjectRef::parse(row.decided_by))
    row.decided_by = object->text();
  else if (!row.decided_by.empty())
    reader.fail("decided_by", "bad-object", "expect.expected-object");
  return row;
}

HttpExpectation http_row(Reader& reader) {
  HttpExpectation row;
  row.from = reader.endpoint("from");
  row.url = reader.required_text("url");
  bool web = row.url.starts_with("http://") || row.url.starts_with("https://");
  if (!row.url.empty() && (!web || row.url.find_first_of(" \t\r\n") != std::string::npos || row.url.ends_with("://")))
    reader.fail("url", "bad-url", "expect.expected-url");
  if (reader.has("method"))
    row.method = reader.text("method");
  else
    reader.take("method");
  const Json& headers = reader.take("headers");
  if (!headers.is_null() && !headers.is_object()) reader.fail("headers", "bad-type", "expect.expected-headers");
  for (const auto& [key, value] : headers.members()) {
    if (!value.is_string()) reader.fail("headers", "bad-type", "expect.expected-headers");
    row.headers.emplace_back(key, value.as_string());
  }
  row.body = reader.text("body");
  row.status = reader.integer("status", 200, 100, 599);
  row.answered_by = reader.text("answered_by");
  check_answered_by(reader, row.answered_by);
  return row;
}

CommandExpectation command_row(Reader& reader) {
  CommandExpectation row;
  if (reader.has("command") && !reader.take("command").is_array())
    reader.fail("command", "bad-type", "expect.expected-command");
  else
    row.command = reader.text_list("command");
  if (row.command.empty() || row.command.front().empty()) {
    if (!reader.failed()) reader.fail("command", "bad-type", "expect.expected-command");
  }
  row.exit = reader.integer("exit", 0, 0, 255);
  row.stdout_has = reader.text_list("stdout_has");
  row.stdout_lacks = reader.text_list("stdout_lacks");
  return row;
}

// A row whose kind is an object of its own: {http: {...}}, {command: {...}}.
template <typename Read>
auto nested(Context& context, Reader& outer, const Json& row, const char* key, bool& failed, Read read) {
  outer.take(key);
  Reader inner(context, row[key], outer.path(key));
  auto out = read(inner);
  inner.refuse_unknown();
  failed = failed || inner.failed();
  return out;
}

class Parser {
 public:
  Parser(Context context, Expectations& out) : context_(context), out_(out) {}

  void row(const Json& json, const std::string& path, std::size_t number) {
    if (!json.is_object()) {
      context_.error(path, "bad-type", {"expect.expected-row", {}}, describe(json), {"expect.mend-row", {}});
      return;
    }
    Expectation row;
    row.field = path;
    row.position = context_.at(path);
    Reader reader(context_, json, path);
    row.id = id(reader, number);
    row.statement = reader.statement("statement").value_or(Statement{});
    row.pending = reader.statement("pending");
    bool failed = false;
    what(json, reader, row, failed);
    reader.refuse_unknown();
    if (!failed && !reader.failed()) out_.rows.push_back(std::move(row));
  }

 private:
  std::string id(Reader& reader, std::size_t number) {
    const Json& value = reader.take("id");
    std::string text = value.is_int() ? std::to_string(value.as_int()) : value.as_string();
    if (value.is_null()) return std::to_string(number);
    if (text.empty())
      reader.fail("id", "bad-type", "expect.expected-text");
    else if (!ids_.insert(text).second)
      reader.fail("id", "duplicate-id", "expect.expected-unique-id");
    return text;
  }

  void what(const Json& json, Reader& reader, Expectation& row, bool& failed) {
    bool reach = reader.has("from") || reader.has("to") || reader.has("verdict");
    int kinds = (reach ? 1 : 0) + (reader.has("http") ? 1 : 0) + (reader.has("command") ? 1 : 0);
    if (kinds == 0 && row.pending) return;
    if (kinds != 1) {
      failed = true;
      context_.error(row.field, "bad-row", {"expect.expected-kind", {}},
                     {kinds == 0 ? "expect.found-no-kind" : "expect.found-kinds", {}}, {"expect.mend-row", {}});
      // Their members are known, at least.
      for (const char* key : {"from", "to", "port", "family", "verdict", "source_seen", "answered_by", "decided_by",
                              "http", "command", "exit", "stdout_has", "stdout_lacks"})
        reader.take(key);
      return;
    }
    if (reach) {
      row.what = reach_row(reader);
    } else if (reader.has("http")) {
      if (!reader.take("http").is_object()) return reader.fail("http", "bad-type", "expect.expected-http");
      row.what = nested(context_, reader, json, "http", failed, http_row);
    } else if (json["command"].is_object()) {
      row.what = nested(context_, reader, json, "command", failed, command_row);
    } else {
      row.what = command_row(reader);
    }
  }

  Context context_;
  Expectations& out_;
  std::set<std::string> ids_;
};

}  // namespace

Expectations parse_expectations(const Json& document, const std::string& file, const model::Source* positions) {
  Expectations out;
  Context context{file, positions, out.errors};
  const Json& list = document.is_array() ? document : document["expect"];
  if (!list.is_array()) {
    context.error("", "bad-document", {"expect.expected-document", {}}, describe(document),
                  {"expect.mend-document", {}});
    return out;
  }
  for (const auto& [key, value] : document.members())
    if (key != "expect")
      context.error(key, "unknown-field", {"expect.expected-fields", {"expect"}}, {"expect.found", {key}},
                    {"expect.mend-remove", {key}});
  Parser parser(context, out);
  for (std::size_t i = 0; i < list.items().size(); ++i) {
    std::string path = (document.is_array() ? "[" : "expect[") + std::to_string(i) + "]";
    parser.row(list.items()[i], path, i + 1);
  }
  return out;
}

}  // namespace bailey::lab
