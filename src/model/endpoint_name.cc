#include "model/endpoint_name.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace bailey::model {
namespace {

using Type = EndpointName::Type;

struct Form {
  std::string_view word;
  Type type;
  bool namespaced;
};
constexpr Form forms[] = {
    {"pod", Type::pod, true},  {"node", Type::node, false},  {"host", Type::host, false},
    {"nic", Type::nic, false}, {"svc", Type::service, true},
};

const Form* form_of(Type type) {
  for (const Form& form : forms)
    if (form.type == type) return &form;
  return nullptr;
}

// Names are checked where objects are read; here a name only must be one word.
bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

}  // namespace

std::string EndpointName::text() const {
  const Form* form = form_of(type);
  if (!form) return address ? address->text() : "";
  std::string out(form->word);
  if (form->namespaced) out += "/" + ns;
  return out + "/" + name;
}

std::optional<EndpointName> EndpointName::parse(std::string_view text) {
  if (std::optional<Address> address = Address::parse(text)) return EndpointName{Type::address, "", "", address};
  std::vector<std::string_view> parts = base::split(text, '/');
  if (parts.size() < 2 || !std::all_of(parts.begin(), parts.end(), is_word)) return std::nullopt;
  for (const Form& form : forms) {
    if (form.word != parts[0] || parts.size() > (form.namespaced ? 3u : 2u)) continue;
    std::string ns = !form.namespaced ? "" : parts.size() == 3 ? std::string(parts[1]) : "default";
    return EndpointName{form.type, ns, std::string(parts.back()), std::nullopt};
  }
  return std::nullopt;
}

}  // namespace bailey::model
