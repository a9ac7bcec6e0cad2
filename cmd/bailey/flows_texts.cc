// Texts of flows, and of what suggested policies cannot express.
#include "texts.h"

namespace bailey::cli {
namespace {

constexpr base::Text table_of_flows[] = {
    {"cli.help.flows", "What passed and what was denied in a lab, and the least policies for it",
     "랩에서 통과하거나 거부된 연결과 그에 필요한 최소 정책"},
    {"cli.option.flows-from", "Source: pod/NS/NAME, the start of a name before '*', an address or a CIDR",
     "출발지: pod/NS/NAME, '*' 앞의 이름 앞부분, 주소 또는 CIDR"},
    {"cli.option.flows-to", "Destination, as --from", "목적지. --from과 같은 형식"},
    {"cli.option.flows-port", "Destination's port: 80/tcp, 53/udp, icmp", "목적지 포트: 80/tcp, 53/udp, icmp"},
    {"cli.option.verdict", "Only those allowed, or denied", "허용된 것만, 또는 거부된 것만"},
    {"cli.option.reason", "Only those with this reason code", "이 이유 코드인 것만"},
    {"cli.option.flows-follow", "Go on with what happens from now on, until Ctrl-C",
     "이후의 연결도 Ctrl-C까지 계속 보여 줍니다"},
    {"cli.option.suggest", "Print NetworkPolicies that allow just what was seen, as YAML",
     "본 것만 허용하는 NetworkPolicy를 YAML로 출력합니다"},
    {"cli.option.flows-files", "With --suggest: manifests to take pods from instead of the lab's",
     "--suggest와 함께: 랩 대신 파드를 읽을 매니페스트"},
    {"cli.flows.bad-end",
     "'{0}' names no end of a flow; write pod/NS/NAME, node/NAME, pod/NS/* or an address such as 10.0.0.0/24.",
     "'{0}'은(는) 연결의 끝이 아닙니다. pod/NS/NAME, node/NAME, pod/NS/* 또는 10.0.0.0/24 같은 주소로 쓰십시오."},
    {"cli.flows.lost", "{0} flows were lost before they could be read.", "읽기 전에 연결 기록 {0}개를 잃었습니다."},
    {"cli.flows.unreadable", "{0} flows of the lab could not be read and are left out.",
     "랩의 연결 기록 {0}개를 읽을 수 없어 뺐습니다."},
    {"cli.flows.ended", "lab {0} has ended; no more flows", "랩 {0}이(가) 끝나 더 보여 줄 연결이 없습니다"},
    {"cli.flows.none", "Nothing has been seen yet. Make a connection: bailey lab probe --name {0}",
     "아직 본 연결이 없습니다. 연결해 보십시오: bailey lab probe --name {0}"},
    {"cli.flows.none-matches", "None of the {0} flows seen matches.", "본 연결 {0}개 중 조건에 맞는 것이 없습니다."},
    {"cli.flows.none-allowed", "No allowed flow of a labelled pod was seen, so there is nothing to suggest.",
     "레이블 있는 파드의 허용된 연결이 없어 제안할 것이 없습니다."},
    {"cli.flows.follow-suggest", "--follow and --suggest do not go together; leave one out.",
     "--follow와 --suggest는 함께 쓸 수 없습니다. 하나를 빼십시오."},
    {"cli.flows.files-suggest", "-f is for --suggest; add it or leave -f out.",
     "-f는 --suggest에만 씁니다. --suggest를 더하거나 -f를 빼십시오."},
    {"cli.flows.covers", "flows that need it: {0}", "필요로 하는 연결: {0}개"},
    {"flows.pod-gone", "{0} is no longer there, so its flows are left out.",
     "{0}이(가) 더 이상 없어 그 연결은 뺐습니다."},
    {"flows.no-labels",
     "{0} has no labels that last, so no policy selects it; others allow it by its address, which changes with it.",
     "{0}에 지속되는 레이블이 없어 정책이 선택하지 않습니다. 다른 정책은 바뀔 수 있는 주소로 허용합니다."},
    {"flows.icmp", "ICMP from {0} to {1} cannot be allowed by itself: a rule with ports excludes it.",
     "{0}에서 {1}로 가는 ICMP만 따로 허용할 수 없습니다. 포트가 있는 규칙은 ICMP를 제외합니다."},
};

}  // namespace

std::span<const base::Text> flows_command_texts() { return table_of_flows; }

}  // namespace bailey::cli
