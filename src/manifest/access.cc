// LabHost, and the way to nodes: Bastion and AccessGrant.
#include "base/strings.h"
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/network.h"

namespace bailey::manifest {
namespace {

constexpr std::string_view on_premises = "OnPremisesNetwork/";

void host_network(const Field& field, model::LabHost& out) {
  std::optional<std::string> text = field.text();
  if (!text || *text == "Internet") return;
  std::string_view rest = std::string_view(*text).substr(0, on_premises.size()) == on_premises
                              ? std::string_view(*text).substr(on_premises.size())
                              : std::string_view{};
  if (!is_dns_subdomain(rest)) {
    field.fail("bad-reference", {"manifest.expected-host-network", {}}, {"manifest.mend-host-network", {}});
    return;
  }
  out.network = model::LabHost::Network::on_premises;
  out.on_premises_network = rest;
}

bool two_digits(std::string_view text, std::size_t at, int least, int most, int* value) {
  if (at + 2 > text.size() || text[at] < '0' || text[at] > '9' || text[at + 1] < '0' || text[at + 1] > '9')
    return false;
  *value = (text[at] - '0') * 10 + (text[at + 1] - '0');
  return *value >= least && *value <= most;
}

int days_of(int year, int month) {
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

std::int64_t days_since_epoch(int year, int month, int day) {
  std::int64_t days = 0;
  auto y = static_cast<std::int64_t>(year) - 1;
  days = y * 365 + y / 4 - y / 100 + y / 400;
  for (int m = 1; m < month; ++m) days += days_of(year, m);
  return days + day - 719163;
}

// RFC 3339 as seconds since 1970: "2026-01-31T09:00:00Z", "…+09:00"; fractions are dropped.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  int century = 0, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (text.size() < 20 || !two_digits(text, 0, 0, 99, &century) || !two_digits(text, 2, 0, 99, &year))
    return std::nullopt;
  year += century * 100;
  if (text[4] != '-' || !two_digits(text, 5, 1, 12, &month) || text[7] != '-' || year < 1) return std::nullopt;
  if (!two_digits(text, 8, 1, days_of(year, month), &day) || (text[10] != 'T' && text[10] != 't')) return std::nullopt;
  if (!two_digits(text, 11, 0, 23, &hour) || text[13] != ':' || !two_digits(text, 14, 0, 59, &minute))
    return std::nullopt;
  if (text[16] != ':' || !two_digits(text, 17, 0, 60, &second)) return std::nullopt;
  std::string_view rest = text.substr(19);
  if (rest[0] == '.') {
    std::size_t end = rest.find_first_not_of("0123456789", 1);
    if (end == std::string_view::npos || end == 1) return std::nullopt;
    rest = rest.substr(end);
  }
  std::int64_t offset = 0;
  if (rest != "Z" && rest != "z") {
    int hours = 0, minutes = 0;
    bool good = rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && two_digits(rest, 1, 0, 23, &hours) &&
                rest[3] == ':' && two_digits(rest, 4, 0, 59, &minutes);
    if (!good) return std::nullopt;
    offset = (rest[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  }
  return days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
}

std::optional<std::int64_t> moment(const Field& field, std::string& out) {
  std::optional<std::string> text = field.text();
  if (!text) return std::nullopt;
  out = *text;
  std::optional<std::int64_t> seconds = seconds_of(*text);
  if (!seconds) field.fail("bad-time", {"manifest.expected-time", {}}, {"manifest.mend-time", {}});
  return seconds;
}

bool is_user_name(std::string_view text) {
  if (text.empty() || text.size() > 32 || !((text[0] >= 'a' && text[0] <= 'z') || text[0] == '_')) return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

}  // namespace

model::AnyObject read_lab_host(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::LabHost>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root["spec"];
  Mapping spec(spec_field);
  Field network = spec["network"];
  host_network(network, *out);
  Field interfaces = spec["networkInterfaces"];
  Unique names;
  interfaces.each([&](const Field& item) {
    std::optional<std::string> name = dns_subdomain(item);
    if (name && names.add(item, *name)) out->interfaces.push_back(*name);
  });
  Field addresses = spec["addresses"];
  out->addresses = dual_addresses(addresses);
  if (interfaces.size() > 0) {
    out->network = model::LabHost::Network::interfaces;
    if (network.present())
      network.fail("not-allowed", {"manifest.expected-network-or-interfaces", {}}, {"manifest.found-both", {}},
                   {"manifest.mend-remove", {"network"}});
    if (addresses.present())
      addresses.fail("not-allowed", {"manifest.expected-interface-addresses", {}},
                     {"manifest.mend-interface-addresses", {}});
  }
  out->listeners = listeners(spec["listeners"]);
  return std::shared_ptr<const model::LabHost>(out);
}

model::AnyObject read_bastion(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Bastion>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  out->vnet = reference(spec.required("virtualNetwork"));
  out->subnet = part_name(spec.required("subnet")).value_or("");
  Unique doors;
  Field list = spec["doors"];
  if (!list.present()) out->doors = {"jump", "rec"};
  list.each([&](const Field& item) {
    std::optional<std::string> word = item.one_of({"jump", "rec"});
    if (word && doors.add(item, *word)) out->doors.push_back(*word);
  });
  out->public_address = host_address(spec["publicAddress"]);
  return std::shared_ptr<const model::Bastion>(out);
}

model::AnyObject read_access_grant(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::AccessGrant>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  out->user = spec.required("user").text_or();
  if (std::optional<model::LabelSelector> nodes = selector(spec.required("nodes"))) out->nodes = *nodes;
  spec.required("as").each([&](const Field& item) {
    std::optional<std::string> name = item.text();
    if (name && is_user_name(*name))
      out->as.push_back(*name);
    else if (name)
      item.fail("bad-name", {"manifest.expected-user", {}}, {"manifest.mend-user", {}});
  });
  std::optional<std::int64_t> from = moment(spec["from"], out->not_before);
  Field to_field = spec["to"];
  std::optional<std::int64_t> to = moment(to_field, out->not_after);
  if (from && to && *to <= *from)
    to_field.fail("out-of-range", {"manifest.expected-later", {out->not_before}}, {"manifest.mend-later", {}});
  out->source_ranges = prefixes(spec["sourceAddresses"]);
  out->recorded = spec["recorded"].boolean().value_or(false);
  spec["allow"].each([&](const Field& item) {
    std::optional<std::string> word = item.one_of({"shell", "scp-upload", "scp-download", "sftp", "forwarding"});
    if (word) out->allow.push_back(*word);
  });
  out->approved_by = spec["approvedBy"].text_or();
  return std::shared_ptr<const model::AccessGrant>(out);
}

}  // namespace bailey::manifest
