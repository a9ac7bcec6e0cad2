#include "tree.h"

#include <cstdlib>

#include "manifest/node.h"
#include "manifest/parse.h"

namespace bailey::cli {
namespace {

using base::Json;
using manifest::Node;

Json scalar(const Node& node) {
  switch (node.type) {
    case Node::Type::null: return Json();
    case Node::Type::boolean: return Json(manifest::boolean_value(node.text));
    case Node::Type::real: return Json(std::strtod(std::string(node.text).c_str(), nullptr));
    case Node::Type::integer: {
      std::int64_t value = 0;
      return manifest::integer_value(node.text, &value) ? Json(value) : Json(std::string(node.text));
    }
    default: return Json(std::string(node.text));
  }
}

// Depth and size are bounded by the parser.
Json json_of(const Node& node, const std::string& path, model::Source& source) {
  if (!path.empty()) source.mark(path, node.position);
  if (node.is_scalar()) return scalar(node);
  if (node.type == Node::Type::sequence) {
    Json out = Json::array();
    for (std::size_t i = 0; i < node.items.size(); ++i)
      out.push(json_of(*node.items[i], path + "[" + std::to_string(i) + "]", source));
    return out;
  }
  Json out = Json::object();
  for (const manifest::Member& member : node.members)
    out.set(
        std::string(member.key),
        json_of(*member.value, path.empty() ? std::string(member.key) : path + "." + std::string(member.key), source));
  return out;
}

}  // namespace

Tree tree_of(const manifest::Document& document) {
  Tree out;
  out.source = model::Source(document.file, {1, 1});
  auto add = [&](const manifest::Flaw& flaw) {
    out.errors.push_back({model::InputError::Severity::error, flaw.code, document.file, flaw.position, "", "",
                          flaw.expected, flaw.found, flaw.mend});
  };
  if (std::optional<manifest::Flaw> flaw = manifest::check_text(document.text)) {
    add(*flaw);
    return out;
  }
  bool seen = false;
  for (const manifest::Chunk& chunk : manifest::split_documents(document.text)) {
    if (chunk.blank) continue;
    manifest::Parsed parsed = manifest::parse_document(chunk);
    for (const manifest::Flaw& flaw : parsed.flaws) add(flaw);
    if (seen)
      add({"several-documents",
           {chunk.first_line, 1},
           {"cli.one-document", {}},
           {"cli.second-document", {}},
           {"cli.mend-one-document", {}}});
    seen = true;
    if (parsed.root && out.errors.empty()) out.json = json_of(*parsed.root, "", out.source);
  }
  return out;
}

}  // namespace bailey::cli
