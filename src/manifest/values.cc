#include "manifest/values.h"

#include <algorithm>

#include "base/strings.h"

namespace bailey::manifest {
namespace {

using base::Message;
using model::Address;
using model::Family;
using model::Prefix;

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool alphanumeric(char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

// Letters, digits, '-', '_' and '.', a letter or digit at both ends.
bool is_word(std::string_view text, std::size_t longest) {
  if (text.empty() || text.size() > longest || !alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

// The nearest DNS name, to offer: lower case, other characters as '-'.
std::string as_dns(std::string_view text, bool dots) {
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (lower_or_digit(c) || c == '-' || (dots && c == '.'))
      out += c;
    else if (!out.empty() && out.back() != '-' && (static_cast<unsigned char>(c) & 0xC0) != 0x80)
      out += '-';
  }
  while (!out.empty() && !lower_or_digit(out.back())) out.pop_back();
  while (!out.empty() && !lower_or_digit(out.front())) out.erase(0, 1);
  return out.substr(0, dots ? 253 : 63);
}

std::optional<std::string> checked(const Field& field, bool (*good)(std::string_view), std::string_view expected,
                                   bool dots) {
  std::optional<std::string> text = field.text();
  if (!text) return std::nullopt;
  if (good(*text)) return text;
  std::string offer = as_dns(*text, dots);
  field.fail("bad-name", {std::string(expected), {}},
             good(offer) ? Message{"manifest.mend-name", {offer}} : Message{"manifest.mend-other-name", {}});
  return std::nullopt;
}

void fail_prefix(const Field& field, std::string_view text, Prefix::ParseError error) {
  Message expected{"manifest.expected-prefix", {}};
  Message mend{"manifest.mend-prefix", {}};
  if (error == Prefix::ParseError::bad_length) {
    std::optional<Address> base_address = Address::parse(text.substr(0, text.find('/')));
    std::string most = base_address && base_address->is_v6() ? "128" : "32";
    mend = {"manifest.mend-prefix-length", {most}};
  } else if (std::optional<model::AddressRange> range = model::AddressRange::parse(text);
             range && !range->prefixes().empty()) {
    mend = {"manifest.mend-write", {range->prefixes().front().text()}};
  }
  field.fail("bad-prefix", expected, mend);
}

}  // namespace

bool is_dns_label(std::string_view text) {
  if (text.empty() || text.size() > 63 || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t length = 0;
  char before = '.';
  for (char c : text) {
    if (c == '.' ? before == '-' || length == 0 : !lower_or_digit(c) && !(c == '-' && length > 0)) return false;
    length = c == '.' ? 0 : length + 1;
    before = c;
  }
  return length > 0 && before != '-';
}

bool is_label_key(std::string_view text) {
  std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_word(text, 63);
  return is_dns_subdomain(text.substr(0, slash)) && is_word(text.substr(slash + 1), 63);
}

bool is_label_value(std::string_view text) { return text.empty() || is_word(text, 63); }

bool is_part_name(std::string_view text) {
  if (text.empty() || text.size() > 80 || !alphanumeric(text.front())) return false;
  if (!alphanumeric(text.back()) && text.back() != '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

std::optional<std::string> dns_label(const Field& field) {
  return checked(field, is_dns_label, "manifest.expected-dns-label", false);
}

std::optional<std::string> dns_subdomain(const Field& field) {
  return checked(field, is_dns_subdomain, "manifest.expected-dns-subdomain", true);
}

std::optional<std::string> part_name(const Field& field) {
  return checked(field, is_part_name, "manifest.expected-part-name", true);
}

std::optional<std::string> host_name(const Field& field) {
  std::optional<std::string> text = field.text();
  if (!text) return std::nullopt;
  bool wildcard = text->substr(0, 2) == "*.";
  if (!Address::parse(*text) && is_dns_subdomain(wildcard ? std::string_view(*text).substr(2) : *text)) return text;
  std::string offer = as_dns(*text, true);
  bool usable =
      offer != *text && is_dns_subdomain(offer) && !Address::parse(offer) && text->find("//") == std::string::npos;
  field.fail("bad-host", {"manifest.expected-host", {}},
             usable ? Message{"manifest.mend-name", {offer}} : Message{"manifest.mend-host", {}});
  return std::nullopt;
}

std::string reference(const Field& field) { return dns_subdomain(field).value_or(""); }

model::SubnetRef subnet_ref(const Field& field) {
  std::optional<std::string> text = field.text();
  if (!text) return {};
  std::optional<model::SubnetRef> ref = model::SubnetRef::parse(*text);
  if (ref && is_dns_subdomain(ref->vnet) && is_part_name(ref->subnet)) return *ref;
  field.fail("bad-reference", {"manifest.expected-subnet-ref", {}}, {"manifest.mend-subnet-ref", {}});
  return {};
}

std::string secret_ref(const Field& field) {
  std::optional<std::string> text = field.text();
  if (!text) return "";
  std::size_t slash = text->find('/');
  if (slash != std::string::npos && is_dns_label(std::string_view(*text).substr(0, slash)) &&
      is_dns_subdomain(std::string_view(*text).substr(slash + 1)))
    return *text;
  field.fail("bad-reference", {"manifest.expected-secret-ref", {}},
             is_dns_subdomain(*text) ? Message{"manifest.mend-write", {"default/" + *text}}
                                     : Message{"manifest.mend-secret-ref", {}});
  return "";
}

model::Labels labels(const Field& field) {
  model::Labels out;
  field.each_member([&](const std::string& key, model::Position key_position, const Field& value) {
    if (!is_label_key(key))
      field.context().report(Context::Severity::error, "bad-label", value.path(), key_position,
                             {"manifest.expected-label-key", {}}, {"manifest.found-text", {quoted(key)}},
                             {"manifest.mend-label-key", {}});
    std::optional<std::string> text = value.text();
    if (text && !is_label_value(*text))
      value.fail("bad-label", {"manifest.expected-label-value", {}}, {"manifest.mend-label-value", {}});
    if (text || !value.present()) out[key] = text.value_or("");
  });
  return out;
}

model::Labels annotations(const Field& field) {
  model::Labels out;
  field.each_member([&](const std::string& key, model::Position key_position, const Field& value) {
    std::string lowered = key;
    for (char& c : lowered)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_label_key(lowered))
      field.context().report(Context::Severity::error, "bad-annotation", value.path(), key_position,
                             {"manifest.expected-label-key", {}}, {"manifest.found-text", {quoted(key)}},
                             {"manifest.mend-label-key", {}});
    std::optional<std::string> text = value.text();
    if (text || !value.present()) out[key] = text.value_or("");
  });
  return out;
}

std::optional<model::LabelSelector> selector(const Field& field) {
  using Operator = model::LabelSelector::Operator;
  if (!field.expect_mapping()) return std::nullopt;
  model::LabelSelector out;
  Mapping map(field);
  out.match_labels = labels(map["matchLabels"]);
  map["matchExpressions"].each([&](const Field& item) {
    Mapping expression(item);
    model::LabelSelector::Expression row;
    Field key = expression.required("key");
    row.key = key.text_or();
    if (!row.key.empty() && !is_label_key(row.key))
      key.fail("bad-label", {"manifest.expected-label-key", {}}, {"manifest.mend-label-key", {}});
    std::optional<std::string> op = expression.required("operator").one_of({"In", "NotIn", "Exists", "DoesNotExist"});
    Field values = expression["values"];
    values.each([&](const Field& value) {
      std::optional<std::string> text = value.text();
      if (text && !is_label_value(*text))
        value.fail("bad-label", {"manifest.expected-label-value", {}}, {"manifest.mend-label-value", {}});
      if (text) row.values.push_back(*text);
    });
    if (!op) return;
    bool takes_values = *op == "In" || *op == "NotIn";
    if (takes_values && values.size() == 0 && (!values.present() || values.is_list()))
      values.fail("missing-field", {"manifest.expected-selector-values", {*op}}, {"manifest.mend-selector-values", {}});
    if (!takes_values && values.size() > 0)
      values.fail("not-allowed", {"manifest.expected-no-selector-values", {*op}}, {"manifest.mend-remove", {"values"}});
    row.op = *op == "In"       ? Operator::in
             : *op == "NotIn"  ? Operator::not_in
             : *op == "Exists" ? Operator::exists
                               : Operator::does_not_exist;
    out.expressions.push_back(std::move(row));
  });
  return out;
}

std::vector<model::Taint> taints(const Field& field) {
  std::vector<model::Taint> out;
  field.each([&](const Field& item) {
    Mapping map(item);
    model::Taint taint;
    Field key = map.required("key");
    taint.key = key.text_or();
    if (!taint.key.empty() && !is_label_key(taint.key))
      key.fail("bad-label", {"manifest.expected-label-key", {}}, {"manifest.mend-label-key", {}});
    Field value = map["value"];
    taint.value = value.text_or();
    if (!is_label_value(taint.value))
      value.fail("bad-label", {"manifest.expected-label-value", {}}, {"manifest.mend-label-value", {}});
    taint.effect = map.required("effect").one_of({"NoSchedule", "PreferNoSchedule", "NoExecute"}).value_or("");
    map.ignore({"timeAdded"});
    out.push_back(std::move(taint));
  });
  return out;
}

std::optional<Prefix> prefix(const Field& field, HostBits host_bits) {
  std::optional<std::string> text = field.text();
  if (!text) return std::nullopt;
  if (std::optional<Address> lone = Address::parse(*text)) {
    field.fail("bad-prefix", {"manifest.expected-prefix", {}}, {"manifest.mend-write", {Prefix::host(*lone).text()}});
    return std::nullopt;
  }
  Prefix::ParseError error{};
  Prefix cleared;
  std::optional<Prefix> value = Prefix::parse(*text, &error, &cleared);
  if (value) return value;
  if (error != Prefix::ParseError::host_bits_set) {
    fail_prefix(field, *text, error);
    return std::nullopt;
  }
  if (host_bits == HostBits::allow) return cleared;
  Message expected{"manifest.expected-clear-prefix", {}};
  Message found{"manifest.found-host-bits", {quoted(*text)}};
  Message mend{"manifest.mend-write", {cleared.text()}};
  if (host_bits == HostBits::warn) {
    field.warn("host-bits", expected, found, mend);
    return cleared;
  }
  field.fail("host-bits", expected, found, mend);
  return std::nullopt;
}

std::vector<Prefix> prefixes(const Field& field, HostBits host_bits) {
  std::vector<Prefix> out;
  field.each([&](const Field& item) {
    if (std::optional<Prefix> value = prefix(item, host_bits)) out.push_back(*value);
  });
  return out;
}

std::vector<Prefix> dual_prefixes(const Field& single, const Field& several) {
  std::vector<Prefix> out;
  if (single.present() && several.present()) {
    several.fail("not-allowed", {"manifest.expected-one-spelling", {}}, {"manifest.found-both", {}},
                 {"manifest.mend-one-spelling", {}});
    return out;
  }
  if (single.present()) {
    if (std::optional<Prefix> value = prefix(single)) out.push_back(*value);
    return out;
  }
  several.each([&](const Field& item) {
    std::optional<Prefix> value = prefix(item);
    if (!value) return;
    bool taken =
        std::any_of(out.begin(), out.end(), [&](const Prefix& other) { return other.family() == value->family(); });
    if (taken) {
      item.fail("too-many", {"manifest.expected-one-each-family", {}}, {"manifest.mend-one-each-family", {}});
      return;
    }
    out.push_back(*value);
  });
  return out;
}

std::optional<Address> address(const Field& field) {
  std::optional<std::string> text = field.text();
  if (!text) return std::nullopt;
  std::optional<Address> value = Address::parse(*text);
  if (value) return value;
  std::optional<Address> without_length = Address::parse(std::string_view(*text).substr(0, text->find('/')));
  field.fail(
      "bad-address", {"manifest.expected-address", {}},
      without_length ? Message{"manifest.mend-write", {without_length->text()}} : Message{"manifest.mend-address", {}});
  return std::nullopt;
}

std::optional<Address> host_address(const Field& field) {
  std::optional<Address> value = address(field);
  if (!value) return std::nullopt;
  bool loopback = value->is_v4() ? (value->number() >> 24) == 127 : value->number() == 1;
  bool multicast_or_more = value->is_v4() ? (value->number() >> 28) >= 14 : (value->number() >> 120) == 0xff;
  if (!value->is_unspecified() && !loopback && !multicast_or_more) return value;
  field.fail("bad-address", {"manifest.expected-host-address", {}}, {"manifest.mend-host-address", {}});
  return std::nullopt;
}

std::vector<Address> dual_addresses(const Field& field) {
  std::vector<Address> out;
  field.each([&](const Field& item) {
    std::optional<Address> value = host_address(item);
    if (!value) return;
    bool taken =
        std::any_of(out.begin(), out.end(), [&](const Address& other) { return other.family() == value->family(); });
    if (taken) {
      item.fail("too-many", {"manifest.expected-one-each-family", {}}, {"manifest.mend-one-each-family", {}});
      return;
    }
    out.push_back(*value);
  });
  return out;
}

std::optional<std::uint16_t> port_number(const Field& field) {
  if (!field.present()) return std::nullopt;
  std::optional<std::int64_t> value = field.number(1, 65535);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::optional<model::PortRef> port_ref(const Field& field) {
  if (!field.present()) return std::nullopt;
  if (field.node().type != Node::Type::text) {
    std::optional<std::uint16_t> number = port_number(field);
    if (!number) return std::nullopt;
    return model::PortRef{*number, ""};
  }
  std::string_view text = field.node().text;
  bool letters = std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  bool good = letters && text.size() <= 15 && is_dns_label(text) && text.find("--") == std::string::npos;
  if (good) return model::PortRef{0, std::string(text)};
  bool numeric = base::parse_number(text, 65535).has_value();
  field.fail("bad-port", {"manifest.expected-port-ref", {}},
             numeric ? Message{"manifest.mend-unquote", {std::string(text)}} : Message{"manifest.mend-port-ref", {}});
  return std::nullopt;
}

model::Protocol kubernetes_protocol(const Field& field) {
  std::optional<std::string> word = field.one_of({"TCP", "UDP", "SCTP"});
  return word ? *model::protocol_of(*word) : model::Protocol::tcp;
}

std::vector<model::Port> listeners(const Field& field) {
  if (!field.present()) return {model::Port{80, model::Protocol::tcp}};
  std::vector<model::Port> out;
  Unique unique;
  field.each([&](const Field& item) {
    std::optional<model::Port> port;
    if (item.node().type == Node::Type::integer) {
      if (std::optional<std::uint16_t> number = port_number(item)) port = model::Port{*number, model::Protocol::tcp};
      if (!port) return;
    } else if (std::optional<std::string> text = item.text()) {
      port = model::Port::parse(*text);
      if (!port || port->protocol == model::Protocol::icmp) {
        item.fail("bad-port", {"manifest.expected-listener", {}}, {"manifest.mend-listener", {}});
        return;
      }
    }
    if (port && unique.add(item, port->text())) out.push_back(*port);
  });
  return out;
}

bool Unique::add(const Field& field, const std::string& name) {
  auto [at, fresh] = seen_.emplace(name, field.position());
  if (fresh) return true;
  field.fail("duplicate-name", {"manifest.expected-unique", {}},
             {"manifest.found-duplicate", {quoted(name), std::to_string(at->second.line)}},
             {"manifest.mend-unique", {}});
  return false;
}

}  // namespace bailey::manifest
