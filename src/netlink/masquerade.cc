// An nf_tables transaction is one datagram: BATCH_BEGIN, the requests, BATCH_END. The kernel carries out all of them
// or none, and answers each that failed and each that asks for an answer. We ask for one on the last request only:
// once that has come, nothing else will.
#include "netlink/masquerade.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>

#include "base/strings.h"
#include "netlink/message.h"
#include "netlink/wire.h"

namespace bailey::netlink {
namespace {

constexpr std::int32_t source_nat_priority = 100;  // NF_IP_PRI_NAT_SRC
constexpr const char* chain_name = "postrouting";
constexpr std::size_t longest_name = 200;
constexpr std::size_t most_prefixes = 200;

std::uint8_t nft_family(model::Family family) { return family == model::Family::v4 ? NFPROTO_IPV4 : NFPROTO_IPV6; }

std::string big_endian(std::uint32_t value) {
  std::uint32_t wire = htonl(value);
  return std::string(raw_bytes(wire));
}

std::string generation_header(std::uint8_t family, std::uint16_t resource = 0) {
  nfgenmsg body{};
  body.nfgen_family = family;
  body.version = NFNETLINK_V0;
  body.res_id = htons(resource);
  return std::string(raw_bytes(body));
}

Message table_message(std::uint16_t kind, std::uint16_t flags, model::Family family, const std::string& name) {
  Message message(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | kind), flags,
                  generation_header(nft_family(family)));
  message.put_text(NFTA_TABLE_NAME, name);
  return message;
}

std::string chain_request(model::Family family, const std::string& table) {
  Message message(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWCHAIN), NLM_F_CREATE,
                  generation_header(nft_family(family)));
  message.put_text(NFTA_CHAIN_TABLE, table).put_text(NFTA_CHAIN_NAME, chain_name);
  message.begin(NFTA_CHAIN_HOOK);
  message.put(NFTA_HOOK_HOOKNUM, big_endian(NF_INET_POST_ROUTING));
  message.put(NFTA_HOOK_PRIORITY, big_endian(static_cast<std::uint32_t>(source_nat_priority)));
  message.end().put_text(NFTA_CHAIN_TYPE, "nat");
  return message.take();
}

// One expression of a rule; `fill` writes its data.
void expression(Message& message, const char* name, const std::function<void()>& fill) {
  message.begin(NFTA_LIST_ELEM).put_text(NFTA_EXPR_NAME, name).begin(NFTA_EXPR_DATA);
  fill();
  message.end().end();
}

void data_value(Message& message, std::uint16_t attribute, std::string_view bytes) {
  message.begin(attribute).put(NFTA_DATA_VALUE, bytes).end();
}

std::string mask_of(const model::Prefix& prefix) {
  std::string mask(static_cast<std::size_t>(prefix.address().bits() / 8), '\0');
  for (int bit = 0; bit < prefix.length(); ++bit)
    mask[static_cast<std::size_t>(bit / 8)] |= static_cast<char>(0x80 >> (bit % 8));
  return mask;
}

enum class Side : std::uint8_t { source, destination };

// The packet's address in a register, cut to the prefix' length, compared with the prefix.
void match(Message& message, const model::Prefix& prefix, Side side) {
  bool v4 = prefix.family() == model::Family::v4;
  std::uint32_t size = v4 ? 4 : 16;
  std::uint32_t source_offset = v4 ? 12 : 8;  // in the IPv4 and IPv6 headers
  expression(message, "payload", [&] {
    message.put(NFTA_PAYLOAD_DREG, big_endian(NFT_REG_1))
        .put(NFTA_PAYLOAD_BASE, big_endian(NFT_PAYLOAD_NETWORK_HEADER));
    message.put(NFTA_PAYLOAD_OFFSET, big_endian(side == Side::source ? source_offset : source_offset + size));
    message.put(NFTA_PAYLOAD_LEN, big_endian(size));
  });
  expression(message, "bitwise", [&] {
    message.put(NFTA_BITWISE_SREG, big_endian(NFT_REG_1)).put(NFTA_BITWISE_DREG, big_endian(NFT_REG_1));
    message.put(NFTA_BITWISE_LEN, big_endian(size));
    data_value(message, NFTA_BITWISE_MASK, mask_of(prefix));
    data_value(message, NFTA_BITWISE_XOR, std::string(size, '\0'));
  });
  expression(message, "cmp", [&] {
    message.put(NFTA_CMP_SREG, big_endian(NFT_REG_1)).put(NFTA_CMP_OP, big_endian(NFT_CMP_EQ));
    data_value(message, NFTA_CMP_DATA, prefix.address().wire());
  });
}

std::string rule_request(const std::string& table, const model::Prefix& prefix, Side side) {
  Message message(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWRULE),
                  NLM_F_CREATE | NLM_F_APPEND, generation_header(nft_family(prefix.family())));
  message.put_text(NFTA_RULE_TABLE, table).put_text(NFTA_RULE_CHAIN, chain_name);
  message.begin(NFTA_RULE_EXPRESSIONS);
  match(message, prefix, side);
  if (side == Side::destination) {
    expression(message, "immediate", [&] {
      message.put(NFTA_IMMEDIATE_DREG, big_endian(NFT_REG_VERDICT)).begin(NFTA_IMMEDIATE_DATA).begin(NFTA_DATA_VERDICT);
      message.put(NFTA_VERDICT_CODE, big_endian(static_cast<std::uint32_t>(NFT_RETURN))).end().end();
    });
  } else {
    // A port at random: two connections that start at once would otherwise ask for the same one, and one is dropped.
    expression(message, "masq", [&] { message.put(NFTA_MASQ_FLAGS, big_endian(NF_NAT_RANGE_PROTO_RANDOM_FULLY)); });
  }
  message.end();
  return message.take();
}

model::Prefix multicast(model::Family family) {
  if (family == model::Family::v4) return {model::Address::v4(0xe0000000), 4};
  return {model::Address::from_number(family, model::Uint128{0xff} << 120), 8};
}

std::vector<model::Prefix> of_family(const std::vector<model::Prefix>& all, model::Family family) {
  std::vector<model::Prefix> out;
  for (const model::Prefix& prefix : all)
    if (prefix.family() == family) out.push_back(prefix);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

struct Table {
  std::vector<model::Prefix> sources;
  std::vector<model::Prefix> except;
  std::string digest;
};

// Empty: the family needs no table.
std::optional<Table> table_of(const Masquerade& wanted, model::Family family) {
  Table table{of_family(wanted.sources, family), of_family(wanted.except, family), ""};
  if (table.sources.empty()) return std::nullopt;
  table.except.push_back(multicast(family));
  std::string text;
  for (const model::Prefix& prefix : table.sources) text += prefix.text() + " ";
  text += "except ";
  for (const model::Prefix& prefix : table.except) text += prefix.text() + " ";
  std::uint64_t digest = base::fnv1a(text);
  table.digest = std::string(raw_bytes(digest));
  return table;
}

class NftSocket {
 public:
  static base::Result<NftSocket> open() {
    base::Result<WireSocket> wire = WireSocket::open(NETLINK_NETFILTER);
    if (!wire.ok()) return wire.error();
    return NftSocket(std::move(wire).value());
  }

  // The digest that a table carries; empty where there is no table or no digest.
  base::Result<std::optional<std::string>> digest(model::Family family, const std::string& name) {
    std::string bytes = table_message(NFT_MSG_GETTABLE, 0, family, name).take();
    number(bytes, false);
    std::optional<std::string> found;
    base::Status asked = exchange(bytes, sequence_, name, [&](const nlmsghdr* message) {
      found = std::string(Attributes::of_message(message, sizeof(nfgenmsg)).bytes(NFTA_TABLE_USERDATA));
    });
    if (!asked.ok() && asked.error().code == ENOENT) return std::optional<std::string>();
    if (!asked.ok()) return asked.error();
    return found;
  }

  base::Status commit(std::vector<std::string> requests, const std::string& name) {
    std::string datagram = batch_mark(NFNL_MSG_BATCH_BEGIN);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      number(requests[i], i + 1 == requests.size());
      datagram += requests[i];
    }
    std::uint32_t last = sequence_;
    datagram += batch_mark(NFNL_MSG_BATCH_END);
    return exchange(datagram, last, name, nullptr);
  }

 private:
  explicit NftSocket(WireSocket wire) : wire_(std::move(wire)) {}

  void number(std::string& bytes, bool acknowledge) {
    nlmsghdr* header = reinterpret_cast<nlmsghdr*>(bytes.data());
    header->nlmsg_seq = ++sequence_;
    if (acknowledge) header->nlmsg_flags |= NLM_F_ACK;
  }

  std::string batch_mark(std::uint16_t kind) {
    std::string bytes = Message(kind, 0, generation_header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES)).take();
    number(bytes, false);
    return bytes;
  }

  base::Status exchange(const std::string& datagram, std::uint32_t last, const std::string& name,
                        const std::function<void(const nlmsghdr*)>& answer) {
    if (base::Status sent = wire_.send(datagram); !sent.ok()) return sent;
    base::Status outcome;
    base::Status received = wire_.receive([&](const nlmsghdr* message) {
      int error = message->nlmsg_type == NLMSG_ERROR ? error_code(message) : 0;
      if (error != 0) outcome = base::system_error("change table", name, error);
      if (message->nlmsg_type != NLMSG_ERROR && answer) answer(message);
      return error == 0 && message->nlmsg_seq != last;
    });
    return received.ok() ? outcome : received;
  }

  WireSocket wire_;
  std::uint32_t sequence_ = 0;
};

// Deleting what is not there would fail the transaction, creating what is there does not.
void put_removal(std::vector<std::string>& requests, model::Family family, const std::string& name) {
  requests.push_back(table_message(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, name).take());
  requests.push_back(table_message(NFT_MSG_DELTABLE, 0, family, name).take());
}

void put_table(std::vector<std::string>& requests, model::Family family, const std::string& name, const Table& table) {
  Message create = table_message(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, name);
  requests.push_back(create.put(NFTA_TABLE_USERDATA, table.digest).take());
  requests.push_back(chain_request(family, name));
  for (const model::Prefix& prefix : table.except) requests.push_back(rule_request(name, prefix, Side::destination));
  for (const model::Prefix& prefix : table.sources) requests.push_back(rule_request(name, prefix, Side::source));
}

}  // namespace

base::Status set_masquerade(const Masquerade& wanted) {
  if (wanted.name.empty() || wanted.name.size() > longest_name || wanted.sources.size() > most_prefixes ||
      wanted.except.size() > most_prefixes)
    return base::Error{"set source translation", wanted.name, "the name or the number of prefixes is out of range",
                       EINVAL};
  base::Result<NftSocket> socket = NftSocket::open();
  if (!socket.ok()) return socket.error();
  std::vector<std::string> requests;
  for (model::Family family : {model::Family::v4, model::Family::v6}) {
    std::optional<Table> table = table_of(wanted, family);
    base::Result<std::optional<std::string>> present = socket->digest(family, wanted.name);
    if (!present.ok()) return present.error();
    if (table ? present.value() == table->digest : !present.value()) continue;
    put_removal(requests, family, wanted.name);
    if (table) put_table(requests, family, wanted.name, *table);
  }
  return requests.empty() ? base::Status() : socket->commit(std::move(requests), wanted.name);
}

base::Status remove_masquerade(const std::string& name) { return set_masquerade({name, {}, {}}); }

}  // namespace bailey::netlink
