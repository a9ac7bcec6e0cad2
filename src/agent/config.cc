#include "agent/config.h"

#include "manifest/parse.h"
#include "manifest/reader.h"

namespace bailey::agent {
namespace {

constexpr std::int64_t least_connections = 1024;
constexpr std::int64_t most_connections = 16'777'216;

void read_source(const manifest::Field& field, Config& out) {
  manifest::Mapping source(field);
  if (!source) return;
  out.files = source["files"].texts();
  bool socket = source["socket"].boolean().value_or(false);
  if (out.files.empty() != socket) field.fail("bad-source", {"agent.one-source", {}}, {"agent.mend-source", {}});
}

void read(const manifest::Field& root, Config& out) {
  manifest::Mapping fields(root);
  out.node = fields["node"].text_or();
  read_source(fields.required("source"), out);
  out.routed = fields["networkModel"].one_of({"vnet", "kubenet"}).value_or("vnet") == "vnet";
  out.uplink = fields["uplink"].text();
  out.socket = fields["socket"].text_or(out.socket);
  out.ipam_dir = fields["ipamDir"].text_or(out.ipam_dir);
  out.pins = fields["pins"].text_or(out.pins);
  auto number = [&](const char* key, std::int64_t least, std::int64_t most, std::uint32_t fallback) {
    return static_cast<std::uint32_t>(fields[key].number(least, most).value_or(fallback));
  };
  out.connections = number("connections", least_connections, most_connections, out.connections);
  out.events_per_second = number("eventsPerSecond", 0, 1'000'000, out.events_per_second);
  out.redirect = fields["redirect"].boolean().value_or(out.redirect);
}

}  // namespace

std::optional<Config> parse_config(const manifest::Document& document, std::vector<model::InputError>& errors) {
  auto add = [&](const manifest::Flaw& flaw) {
    errors.push_back({model::InputError::Severity::error, flaw.code, document.file, flaw.position, "", "",
                      flaw.expected, flaw.found, flaw.mend});
  };
  if (std::optional<manifest::Flaw> flaw = manifest::check_text(document.text)) {
    add(*flaw);
    return std::nullopt;
  }
  std::vector<manifest::Chunk> chunks = manifest::split_documents(document.text);
  std::erase_if(chunks, [](const manifest::Chunk& chunk) { return chunk.blank; });
  manifest::Parsed parsed =
      manifest::parse_document(chunks.empty() ? manifest::Chunk{1, document.text} : chunks.front());
  for (const manifest::Flaw& flaw : parsed.flaws) add(flaw);
  if (!errors.empty()) return std::nullopt;
  manifest::Options options;
  manifest::Context context(document.file, {1, 1}, options, errors);
  context.strict = true;
  context.source = std::make_shared<model::Source>(document.file, model::Position{1, 1});
  Config out;
  manifest::Field root(context, parsed.root, {1, 1}, "");
  if (!root.is_mapping())
    root.fail("no-mapping", {"agent.a-mapping", {}}, {"agent.mend-mapping", {}});
  else
    read(root, out);
  if (context.failed) return std::nullopt;
  return out;
}

std::span<const base::Text> texts() {
  static const std::vector<base::Text> all = {
      {"agent.usage",
       "baileyd --config FILE [--check-config]\n\n"
       "The agent of a node: keeps network policy in the kernel what the manifests say.\n\n"
       "  --config FILE     its configuration, YAML or JSON; the least is:\n"
       "                      source: {files: [/etc/bailey/manifests]}\n"
       "  --check-config    says whether the configuration can be used, and ends\n"
       "  --help            this\n\n"
       "It tells what it does on standard output, one JSON event a line. SIGTERM ends it; traffic goes on by the\n"
       "policies that are in force, and the next start takes up from there.\n",
       "baileyd --config FILE [--check-config]\n\n"
       "노드 에이전트: 커널의 네트워크 정책을 매니페스트대로 유지합니다.\n\n"
       "  --config FILE     구성 파일(YAML 또는 JSON). 최소한 다음이 필요합니다.\n"
       "                      source: {files: [/etc/bailey/manifests]}\n"
       "  --check-config    구성을 쓸 수 있는지 확인하고 끝냅니다\n"
       "  --help            이 도움말\n\n"
       "하는 일을 표준 출력에 한 줄에 하나씩 JSON 이벤트로 알립니다. SIGTERM으로 끝나도 적용된 정책대로\n"
       "트래픽은 계속되고, 다음에 시작하면 거기서 이어 갑니다.\n"},
      {"agent.needs-config", "baileyd: it needs a configuration: --config FILE",
       "baileyd: 구성이 필요합니다: --config FILE"},
      {"agent.unexpected", "baileyd: unexpected argument: {0}", "baileyd: 알 수 없는 인자: {0}"},
      {"agent.config-usable", "{0}: the configuration can be used", "{0}: 쓸 수 있는 구성입니다"},
      {"agent.expected-found", "expected {0}, found {1}", "{0}이(가) 필요하지만 {1}이(가) 있습니다"},
      {"agent.one-source", "either files or socket: true", "files와 socket: true 중 하나"},
      {"agent.mend-source", "Give the folders of the manifests (files: [...]), or socket: true.",
       "매니페스트 폴더(files: [...])나 socket: true 중 하나를 적으세요."},
      {"agent.a-mapping", "the fields of a configuration", "구성 필드"},
      {"agent.mend-mapping", "Write at least a source, as in source: {files: [/etc/bailey/manifests]}.",
       "source: {files: [/etc/bailey/manifests]}처럼 최소한 source를 적으세요."},
  };
  return all;
}

}  // namespace bailey::agent
