#include "rows.h"

#include "manifest/node.h"
#include "manifest/parse.h"
#include "model/endpoint_name.h"
#include "model/object.h"

namespace bailey::cli {
namespace {

using manifest::Node;
using manifest::NodePtr;
using model::InputError;

class Reader {
 public:
  explicit Reader(const manifest::Document& document) : document_(document) {}

  Rows read() {
    if (std::optional<manifest::Flaw> flaw = manifest::check_text(document_.text)) {
      add(*flaw);
      return std::move(out_);
    }
    if (read_json_lines()) return std::move(out_);
    for (const manifest::Chunk& chunk : manifest::split_documents(document_.text)) {
      if (chunk.blank) continue;
      manifest::Parsed parsed = manifest::parse_document(chunk);
      for (const manifest::Flaw& flaw : parsed.flaws) add(flaw);
      if (parsed.root && parsed.flaws.empty()) add_list(*parsed.root);
    }
    return std::move(out_);
  }

 private:
  // JSON lines are no YAML document: every line that is not blank is an object of its own.
  bool read_json_lines() {
    std::uint32_t line = 0;
    std::size_t rows = 0;
    std::vector<std::pair<std::uint32_t, std::string_view>> lines;
    for (std::string_view rest = document_.text; !rest.empty();) {
      std::string_view text = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), text.size() + 1));
      ++line;
      if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      base::Result<base::Json> parsed = text.front() == '{' ? base::Json::parse(text) : base::Error{};
      if (!parsed) return false;
      rows += parsed->has("from");
      lines.emplace_back(line, text);
    }
    if (lines.empty() || (lines.size() == 1 && rows == 0)) return false;  // one object may be {"rows": [...]}
    for (const auto& [number, text] : lines) {
      manifest::Parsed parsed = manifest::parse_document({number, text, false});
      if (parsed.root) add_row(*parsed.root);
    }
    return true;
  }

  void add_list(const Node& root) {
    const Node* list = &root;
    if (root.type == Node::Type::mapping && root.members.size() == 1 && root.members[0].value)
      list = root.members[0].value;
    if (list->type == Node::Type::mapping && list->find("from")) return add_row(*list);
    if (list->type != Node::Type::sequence) {
      add(list->position, "not-rows", {"cli.rows.expected", {}}, {"cli.rows.no-list", {}});
      return;
    }
    for (NodePtr item : list->items) add_row(*item);
  }

  void add_row(const Node& row) {
    if (row.type != Node::Type::mapping) {
      add(row.position, "not-a-row", {"cli.rows.expected", {}}, {"cli.rows.no-mapping", {}});
      return;
    }
    base::Json out = base::Json::object();
    bool good = true;
    for (const char* key : {"id", "from", "to", "port", "family"}) {
      const manifest::Member* member = row.find(key);
      if (!member || !member->value || member->value->type == Node::Type::null) {
        if (std::string_view(key) == "id" || std::string_view(key) == "family") continue;
        add(row.position, "missing-field", {"cli.rows.field", {key}}, {"cli.rows.nothing", {}});
        good = false;
        continue;
      }
      good &= add_field(out, key, *member->value);
    }
    if (good) out_.rows.push_back(std::move(out));
  }

  bool add_field(base::Json& out, std::string_view key, const Node& value) {
    auto wrong = [&](std::string_view code, std::string_view expected) {
      add(value.position, code, {std::string(expected), {}}, {"cli.rows.value", {std::string(value.text)}});
      return false;
    };
    if (!value.is_scalar()) return wrong("wrong-type", "cli.rows.text");
    if (key == "family") {
      if (value.text != "4" && value.text != "6") return wrong("bad-family", "cli.rows.family");
      out.set("family", value.text == "4" ? 4 : 6);
      return true;
    }
    if ((key == "from" || key == "to") && !model::EndpointName::parse(value.text))
      return wrong("bad-endpoint", "cli.rows.endpoint");
    if (key == "port" && !model::Port::parse(value.text)) return wrong("bad-port", "cli.rows.port");
    out.set(std::string(key), key == "port" ? model::Port::parse(value.text)->text() : std::string(value.text));
    return true;
  }

  void add(const manifest::Flaw& flaw) {
    InputError error;
    error.code = flaw.code;
    error.file = document_.file;
    error.position = flaw.position;
    error.expected = flaw.expected;
    error.found = flaw.found;
    error.mend = flaw.mend;
    out_.errors.push_back(std::move(error));
  }

  void add(model::Position position, std::string_view code, base::Message expected, base::Message found) {
    add(manifest::Flaw{std::string(code), position, std::move(expected), std::move(found), {"cli.rows.mend", {}}});
  }

  const manifest::Document& document_;
  Rows out_;
};

}  // namespace

Rows parse_rows(const manifest::Document& document) { return Reader(document).read(); }

}  // namespace bailey::cli
