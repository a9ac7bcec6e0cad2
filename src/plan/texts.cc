#include "plan/advice.h"

namespace bailey::plan {
namespace {

constexpr base::Text plan_table[] = {
    {"plan.because.production", "For production, pods with addresses of the virtual network are advised (Azure CNI).",
     "프로덕션에는 파드가 가상 네트워크의 주소를 갖는 모델(Azure CNI)을 권장합니다."},
    {"plan.because.on-premises-link", "Linked to the on-premises network {0}, from which pods should be reached.",
     "온-프레미스 네트워크 {0}와(과) 연결되어 있어 그곳에서 파드에 연결할 수 있어야 합니다."},
    {"plan.because.peered-networks", "Peered with {0}; only pods with addresses of their own are reached from there.",
     "{0}와(과) 피어링되어 있으며, 자체 주소를 가진 파드에만 그곳에서 연결할 수 있습니다."},
    {"plan.because.windows-pools", "The pools {0} run Windows, which kubenet does not support.",
     "노드 풀 {0}은(는) Windows이며 kubenet은 이를 지원하지 않습니다."},
    {"plan.because.azure-policy-engine", "The policy engine azure does not work with kubenet.",
     "정책 엔진 azure는 kubenet에서 동작하지 않습니다."},
    {"plan.because.addresses-suffice", "The {0} addresses that it needs fit into the {1} that there are.",
     "필요한 주소 {0}개가 사용 가능한 주소 {1}개 안에 들어갑니다."},
    {"plan.because.addresses-free", "There is no network yet, so one for {0} addresses can be chosen.",
     "아직 네트워크가 없으므로 주소 {0}개가 들어갈 범위를 고를 수 있습니다."},
    {"plan.because.addresses-short", "Pods with addresses of the network need {0}; there is room for {1}.",
     "파드까지 네트워크의 주소를 쓰려면 {0}개가 필요하지만 {1}개만 사용할 수 있습니다."},
    {"plan.because.enlarge-for-direct",
     "If linked networks must reach pods directly, enlarge the network to {0} addresses and take vnet.",
     "연결된 네트워크에서 파드에 직접 연결해야 한다면 네트워크를 주소 {0}개 이상으로 늘리고 vnet을 쓰십시오."},
    {"plan.because.development", "For small development clusters kubenet is enough.",
     "소규모 개발 클러스터에는 kubenet으로 충분합니다."},
    {"plan.because.test", "For small test clusters kubenet is enough.",
     "소규모 테스트 클러스터에는 kubenet으로 충분합니다."},
    {"plan.because.no-links", "No peered or on-premises network has to reach its pods.",
     "파드에 연결해야 하는 피어링된 네트워크나 온-프레미스 네트워크가 없습니다."},
    {"plan.because.fewer-addresses", "It takes {0} addresses of the network instead of {1}.",
     "네트워크의 주소를 {1}개가 아니라 {0}개만 씁니다."},
    {"plan.because.kubenet-retires",
     "AKS retires kubenet on 31 March 2028; what lives longer should take overlay or vnet.",
     "AKS의 kubenet은 2028년 3월 31일에 종료됩니다. 더 오래 쓸 클러스터에는 overlay나 vnet을 쓰십시오."},
    {"plan.obstacle.windows", "kubenet has no Windows nodes, and the pools {0} are.",
     "kubenet은 Windows 노드를 지원하지 않지만 노드 풀 {0}이(가) Windows입니다."},
    {"plan.obstacle.policy", "The policy engine azure does not work with kubenet.",
     "정책 엔진 azure는 kubenet에서 동작하지 않습니다."},
    {"plan.obstacle.routes", "kubenet needs {0} routes, one a node; a route table holds {1}.",
     "kubenet에는 노드마다 하나씩 경로 {0}개가 필요하지만 경로 테이블에는 {1}개까지 들어갑니다."},
    {"plan.obstacle.vnet", "It needs {0} addresses; a virtual network holds {1}.",
     "주소 {0}개가 필요하지만 가상 네트워크 하나에는 {1}개까지 쓸 수 있습니다."},
    {"plan.obstacle.pods", "No private range holds {0} blocks of /24 for pods.",
     "파드용 /24 블록 {0}개가 들어갈 사설 주소 범위가 없습니다."},
};

}  // namespace

std::span<const base::Text> texts() { return plan_table; }

}  // namespace bailey::plan
