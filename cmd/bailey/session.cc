#include "session.h"

namespace bailey::cli {

using base::Json;

std::string Session::text(std::string_view id, std::vector<std::string> args) const {
  return catalogue_.render({std::string(id), std::move(args)}, lang);
}

void Session::out_json(std::string_view thing, const Json& document, bool one_line) const {
  Json whole = Json::object();
  whole.set("schema", "bailey.dev/" + std::string(thing) + "/v1");
  Json local = localised(document, *this);
  for (const auto& [key, value] : local.members()) whole.set(key, value);
  out(whole.dump(one_line ? 0 : 2) + "\n");
}

std::string painted(std::string_view text, Paint paint, bool color) {
  if (!color || paint == Paint::plain || text.empty()) return std::string(text);
  const char* code = "";
  switch (paint) {
    case Paint::plain: break;
    case Paint::bold: code = "1"; break;
    case Paint::dim: code = "2"; break;
    case Paint::red: code = "31"; break;
    case Paint::green: code = "32"; break;
    case Paint::yellow: code = "33"; break;
    case Paint::blue: code = "34"; break;
    case Paint::cyan: code = "36"; break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

base::Message message_of(const Json& json) {
  if (!json.is_object()) return {json.as_string(), {}};
  base::Message message{json["id"].as_string(), {}};
  for (const Json& arg : json["args"].items()) message.args.push_back(arg.as_string());
  return message;
}

Json localised(const Json& json, const Session& session) {
  if (json.is_array()) {
    Json out = Json::array();
    for (const Json& item : json.items()) out.push(localised(item, session));
    return out;
  }
  if (!json.is_object()) return json;
  Json out = Json::object();
  for (const auto& [key, value] : json.members()) {
    bool message = key == "message" && value.is_object() && value.has("id") && value.has("args");
    out.set(key, message ? Json(session.text(message_of(value))) : localised(value, session));
  }
  return out;
}

}  // namespace bailey::cli
