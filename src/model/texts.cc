// expected-… and found-… are noun phrases, mend-… is a sentence.
#include "model/texts.h"

namespace bailey::model {
namespace {

constexpr base::Text table[] = {
    {"model.expected-existing", "a {0} that exists", "존재하는 {0}"},
    {"model.expected-existing-subnet", "a subnet that VirtualNetwork {0} has", "VirtualNetwork {0} 안에 있는 서브넷"},
    {"model.expected-role", "Owner, Contributor, Network Contributor, Reader or a RoleDefinition",
     "Owner, Contributor, Network Contributor, Reader 또는 RoleDefinition"},
    {"model.expected-one-direction", "one peering for each direction", "방향마다 하나의 피어링"},
    {"model.expected-disjoint", "address ranges that do not overlap", "서로 겹치지 않는 주소 범위"},
    {"model.expected-no-own-gateway", "useRemoteGateways only where the network has no gateway of its own",
     "자체 게이트웨이가 없는 네트워크에서만 쓰는 useRemoteGateways"},
    {"model.expected-one-remote", "one peering with useRemoteGateways for each network",
     "네트워크마다 useRemoteGateways를 쓰는 하나의 피어링"},
    {"model.expected-one-owner", "an interface that one host or node has", "하나의 호스트나 노드만 가진 인터페이스"},
    {"model.expected-one-interface", "one interface for each node", "노드마다 하나의 인터페이스"},
    {"model.expected-one-gateway", "one gateway of each type for each network",
     "네트워크마다 형식별로 하나의 게이트웨이"},
    {"model.expected-type", "type {0}, as the gateway has it", "게이트웨이와 같은 형식 {0}"},
    {"model.expected-in-subnet", "an address in {0}", "{0} 안의 주소"},
    {"model.expected-in-space", "an address in {0}", "{0} 안의 주소"},
    {"model.expected-usable", "an address that Azure leaves to interfaces", "Azure가 인터페이스에 허용하는 주소"},
    {"model.expected-free", "an address that nobody else has", "다른 곳에서 쓰지 않는 주소"},
    {"model.expected-free-name", "a host name that is not taken", "아직 쓰이지 않은 호스트 이름"},
    {"model.expected-same-network", "a subnet of VirtualNetwork {0}, where the cluster's other nodes are",
     "클러스터의 다른 노드가 있는 VirtualNetwork {0}의 서브넷"},
    {"model.expected-dns-inside", "an address in the service range {0}", "서비스 범위 {0} 안의 주소"},
    {"model.expected-dns-not-first", "another address than the first of the service range, which the API server has",
     "API 서버가 쓰는 서비스 범위의 첫 주소가 아닌 주소"},
    {"model.found-text", "{0}", "{0}"},
    {"model.found-missing", "{0}, which does not exist", "존재하지 않는 {0}"},
    {"model.found-same-direction", "a second one from {0} to {1}; the first is {2}",
     "{0}에서 {1}(으)로 가는 두 번째 피어링(첫 번째는 {2})"},
    {"model.found-overlap", "{0} of {1}, which overlaps {2} of {3}", "{3}의 {2}와(과) 겹치는 {1}의 {0}"},
    {"model.found-own-gateway", "the network's own gateway {0}", "네트워크의 자체 게이트웨이 {0}"},
    {"model.found-second-remote", "a second one; the first is {0}", "두 번째 피어링(첫 번째는 {0})"},
    {"model.found-owner", "{0}, which {1} already has", "{1}에 이미 있는 {0}"},
    {"model.found-second-interface", "a second one for node {0}; the first is {1}",
     "노드 {0}의 두 번째 인터페이스(첫 번째는 {1})"},
    {"model.found-second-gateway", "a second one; the first is {0}", "두 번째 게이트웨이(첫 번째는 {0})"},
    {"model.found-reserved", "{0}; the first four addresses and the last one of a subnet are reserved",
     "{0}(서브넷의 처음 네 주소와 마지막 주소는 예약됨)"},
    {"model.found-taken", "{0}, which {1} has", "{1}에 이미 있는 {0}"},
    {"model.mend-create", "Create it, or name one that exists.", "만들거나 존재하는 이름을 쓰십시오."},
    {"model.mend-write", "Write {0}.", "다음과 같이 쓰십시오: {0}"},
    {"model.mend-did-you-mean", "Did you mean {0}?", "다음을 쓰려고 하셨습니까: {0}"},
    {"model.mend-remove", "Remove one of the two.", "둘 중 하나를 지우십시오."},
    {"model.mend-range", "Choose another range for one of the two.", "둘 중 하나에 다른 범위를 선택하십시오."},
    {"model.mend-remote", "Remove useRemoteGateways here, or remove the gateway.",
     "여기의 useRemoteGateways를 지우거나 게이트웨이를 지우십시오."},
    {"model.mend-one-remote", "Remove useRemoteGateways from one of the two.",
     "둘 중 하나에서 useRemoteGateways를 지우십시오."},
    {"model.mend-owner", "Give each of them an interface of its own.", "각각 별도의 인터페이스를 쓰십시오."},
    {"model.mend-inside", "Choose an address inside the range, or leave it out to have one assigned.",
     "범위 안의 주소를 쓰거나, 비워 두어 자동으로 할당받으십시오."},
    {"model.mend-usable", "Choose an address from {0} to {1}.", "{0}부터 {1}까지의 주소를 선택하십시오."},
    {"model.mend-other-address", "Choose another address for one of the two.", "둘 중 하나에 다른 주소를 쓰십시오."},
    {"model.mend-rename", "Rename one of the two.", "둘 중 하나의 이름을 바꾸십시오."},
    {"model.mend-same-network", "Put all pools of a cluster into subnets of one network.",
     "클러스터의 모든 풀을 한 네트워크의 서브넷에 두십시오."},
};

}  // namespace

std::span<const base::Text> texts() { return table; }

}  // namespace bailey::model
