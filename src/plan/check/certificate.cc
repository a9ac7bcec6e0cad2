#include "plan/check/certificate.h"

#include <algorithm>

namespace bailey::plan::check {
namespace {

constexpr std::size_t largest_pem = 256 * 1024;  // of a PEM text

// One element of DER: its tag and what it holds.
struct Element {
  unsigned char tag = 0;
  std::string_view body;
};

// Takes elements off the front of a sequence's body.
class Der {
 public:
  explicit Der(std::string_view rest) : rest_(rest) {}

  std::optional<Element> next() {
    if (rest_.size() < 2) return std::nullopt;
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest_[i]); };
    std::size_t length = byte(1);
    std::size_t head = 2;
    if (length >= 0x80) {
      std::size_t count = length & 0x7f;
      if (count == 0 || count > 3 || rest_.size() < 2 + count) return std::nullopt;  // 16 MiB are more than enough
      length = 0;
      for (std::size_t i = 0; i < count; ++i) length = length << 8 | byte(2 + i);
      head += count;
    }
    if (rest_.size() - head < length) return std::nullopt;
    Element out{byte(0), rest_.substr(head, length)};
    rest_.remove_prefix(head + length);
    return out;
  }
  std::optional<Element> next(unsigned char tag) {
    std::optional<Element> out = next();
    return out && out->tag == tag ? out : std::nullopt;
  }

 private:
  std::string_view rest_;
};

constexpr unsigned char sequence = 0x30, set_of = 0x31, oid = 0x06, octets = 0x04, version = 0xa0, extensions = 0xa3;
constexpr std::string_view common_name("\x55\x04\x03", 3);       // 2.5.4.3
constexpr std::string_view subject_alt_name("\x55\x1d\x11", 3);  // 2.5.29.17

std::optional<std::string> decoded(std::string_view base64) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : base64) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') break;
    int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

std::optional<std::string> der_of(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  std::size_t from = pem.find(begin);
  if (pem.size() > largest_pem || from == std::string_view::npos) return std::nullopt;
  from += begin.size();
  std::size_t to = pem.find(end, from);
  return to == std::string_view::npos ? std::nullopt : decoded(pem.substr(from, to - from));
}

// UTCTime (YYMMDDhhmmssZ, from 1950) and GeneralizedTime (YYYYMMDDhhmmssZ), RFC 5280 section 4.1.2.5.
std::string time_of(const Element& element) {
  std::string text(element.body);
  if (element.tag == 0x17 && text.size() == 13) text = (text[0] >= '5' ? "19" : "20") + text;
  bool good = text.size() == 15 && text[14] == 'Z' &&
              std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  if (!good) return "";
  return text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2) + "T" + text.substr(8, 2) + ":" +
         text.substr(10, 2) + ":" + text.substr(12, 2) + "Z";
}

// Name ::= SEQUENCE OF SET OF SEQUENCE { OID, value }
std::string common_name_of(std::string_view name) {
  Der sets(name);
  for (std::optional<Element> row = sets.next(set_of); row; row = sets.next(set_of)) {
    std::optional<Element> pair = Der(row->body).next(sequence);
    if (!pair) continue;
    Der fields(pair->body);
    std::optional<Element> type = fields.next(oid);
    std::optional<Element> value = fields.next();
    if (type && value && type->body == common_name) return std::string(value->body);
  }
  return "";
}

void add_alternative_names(std::string_view extension_list, std::vector<std::string>& out) {
  constexpr unsigned char dns_name = 0x82;  // [2] IA5String
  std::optional<Element> list = Der(extension_list).next(sequence);
  if (!list) return;
  Der rows(list->body);
  for (std::optional<Element> row = rows.next(sequence); row; row = rows.next(sequence)) {
    Der fields(row->body);
    std::optional<Element> type = fields.next(oid);
    if (!type || type->body != subject_alt_name) continue;
    std::optional<Element> value = fields.next();
    if (value && value->tag != octets) value = fields.next();  // behind `critical`
    std::optional<Element> names = value ? Der(value->body).next(sequence) : std::nullopt;
    if (!names) return;
    Der entries(names->body);
    for (std::optional<Element> entry = entries.next(); entry; entry = entries.next())
      if (entry->tag == dns_name) out.emplace_back(entry->body);
  }
}

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_case(x) == lower_case(y); });
}

}  // namespace

std::optional<Certificate> read_certificate(std::string_view pem) {
  std::optional<std::string> der = der_of(pem);
  std::optional<Element> whole = der ? Der(*der).next(sequence) : std::nullopt;
  std::optional<Element> signed_part = whole ? Der(whole->body).next(sequence) : std::nullopt;
  if (!signed_part) return std::nullopt;
  Der fields(signed_part->body);
  std::optional<Element> field = fields.next();
  if (field && field->tag == version) field = fields.next();  // now the serial number
  fields.next(sequence);                                      // the signature's algorithm
  fields.next(sequence);                                      // the issuer
  std::optional<Element> validity = fields.next(sequence);
  std::optional<Element> subject = fields.next(sequence);
  if (!field || !validity || !subject) return std::nullopt;
  Der times(validity->body);
  times.next();
  std::optional<Element> end = times.next();
  Certificate out;
  if (end) out.not_after = time_of(*end);
  if (out.not_after.empty()) return std::nullopt;
  for (field = fields.next(); field; field = fields.next())
    if (field->tag == extensions) add_alternative_names(field->body, out.names);
  std::string name = common_name_of(subject->body);
  if (out.names.empty() && !name.empty()) out.names.push_back(std::move(name));
  return out;
}

bool name_covers(std::string_view name, std::string_view host) {
  if (same_name(name, host)) return true;
  std::size_t dot = host.find('.');
  return name.starts_with("*.") && dot != std::string_view::npos && dot > 0 &&
         same_name(name.substr(1), host.substr(dot));
}

}  // namespace bailey::plan::check
