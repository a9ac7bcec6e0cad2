#include "lab/controllers/texts.h"

namespace bailey::lab::controllers {
namespace {

constexpr base::Text table[] = {
    {"controllers.cluster-assumed",
     "Several clusters exist and this object names none: cluster {0} is taken, the first by name. Set the label "
     "bailey.dev/cluster on it or on its namespace.",
     "클러스터가 여러 개인데 이 객체는 클러스터를 지정하지 않아 이름순 첫 번째인 {0}을(를) 사용합니다. 객체나 "
     "네임스페이스에 bailey.dev/cluster 레이블을 지정하십시오."},
    {"controllers.cluster-missing",
     "The label bailey.dev/cluster names cluster {0}, which does not exist. Add the Cluster or correct the label.",
     "bailey.dev/cluster 레이블이 가리키는 클러스터 {0}이(가) 없습니다. Cluster를 추가하거나 레이블을 고치십시오."},
    {"controllers.no-free-range",
     "No private address range is left that overlaps nothing, so cluster {0} cannot have one made for it. Give it a "
     "subnet and ranges of its own.",
     "겹치지 않는 사설 주소 범위가 남아 있지 않아 클러스터 {0}의 범위를 만들 수 없습니다. 서브넷과 범위를 직접 "
     "지정하십시오."},
    {"controllers.subnet-missing",
     "Cluster {0} has nodes in subnet {1}, which does not exist or has no prefix. Add it to its VirtualNetwork.",
     "클러스터 {0}의 노드가 사용할 서브넷 {1}이(가) 없거나 접두사가 없습니다. VirtualNetwork에 추가하십시오."},
    {"controllers.permission-missing",
     "Cluster {0} may not join subnet {1}: its identity {2} lacks {3}. Add a RoleAssignment with principal: {2}, role: "
     "Network Contributor, scope: {4}.",
     "클러스터 {0}은(는) 서브넷 {1}에 참여할 수 없습니다. ID {2}에 {3} 권한이 없습니다. principal: {2}, role: Network "
     "Contributor, scope: {4}인 RoleAssignment를 추가하십시오."},
    {"controllers.subnet-full",
     "Subnet {1} has no address left for {0}: all {2} are in use. Use a larger subnet, or remove nodes, pods or "
     "interfaces.",
     "서브넷 {1}에 {0}에 줄 주소가 없습니다. 주소 {2}개가 모두 사용 중입니다. 더 큰 서브넷을 사용하거나 노드, 파드 "
     "또는 "
     "네트워크 인터페이스를 제거하십시오."},
    {"controllers.pod-waits-for-address",
     "{0} waits for an address: it belongs on node {1}, and subnet {2} has {5} left. Pods of its nodes need {3} "
     "addresses, {4} more than there are. Use a larger subnet, fewer pods, or a node pool in another subnet.",
     "{0}이(가) 주소를 기다립니다. 노드 {1}에 있어야 하지만 서브넷 {2}에 남은 주소는 {5}개입니다. 이 서브넷의 노드에 "
     "있는 "
     "파드에는 주소 {3}개가 필요하며 {4}개가 부족합니다. 더 큰 서브넷을 사용하거나, 파드를 줄이거나, 다른 서브넷에 "
     "노드 "
     "풀을 추가하십시오."},
    {"controllers.subnet-tight",
     "Subnet {0} cannot hold all that its {1} nodes may run: with maxPods they need {2} addresses, and {3} are there "
     "for them. Ranges are handed out on demand, so pods wait only once these are used up.",
     "서브넷 {0}은(는) 노드 {1}개가 실행할 수 있는 모든 파드를 담을 수 없습니다. maxPods까지 주소 {2}개가 필요하지만 "
     "{3}개만 "
     "쓸 수 있습니다. 범위는 필요할 때 할당되므로 주소를 다 쓴 뒤에만 파드가 기다립니다."},
    {"controllers.node-address-outside",
     "Node {0} says address {1}, which is outside of its subnet {2}; it gets another one. Correct the address or the "
     "subnet.",
     "노드 {0}의 주소 {1}은(는) 서브넷 {2} 밖에 있어 다른 주소를 받습니다. 주소나 서브넷을 고치십시오."},
    {"controllers.node-address-taken",
     "Node {0} says address {1} of subnet {2}, which something else has; it gets another one. Give each its own.",
     "노드 {0}의 주소 {1}(서브넷 {2})은(는) 이미 사용 중이어서 다른 주소를 받습니다. 서로 다른 주소를 지정하십시오."},
    {"controllers.pod-range-full",
     "The pod range {1} has no block left for node {0}. Use a larger podCIDR or fewer nodes.",
     "파드 범위 {1}에 노드 {0}에 줄 블록이 남아 있지 않습니다. 더 큰 podCIDR이나 더 적은 노드를 사용하십시오."},
    {"controllers.route-table-full",
     "Node {0} has no place in route table {1}: it has {2} routes, and Azure allows {3}. kubenet needs one route a "
     "node and "
     "family: use fewer nodes, or networkModel vnet.",
     "노드 {0}의 경로를 경로 테이블 {1}에 넣을 자리가 없습니다. 이미 경로가 {2}개 있고 Azure는 {3}개까지 허용합니다. "
     "kubenet은 노드와 주소 종류마다 "
     "경로가 하나 필요합니다. 노드를 줄이거나 networkModel을 vnet으로 하십시오."},
    {"controllers.windows-pool",
     "The {1} nodes of Windows pool {0} are counted but not realised: a lab runs Linux only.",
     "Windows 풀 {0}의 노드 {1}개는 수에는 포함되지만 실행되지 않습니다. 랩은 Linux만 실행합니다."},
    {"controllers.windows-node", "Windows node {0} is not realised: a lab runs Linux only.",
     "Windows 노드 {0}은(는) 실행되지 않습니다. 랩은 Linux만 실행합니다."},
    {"controllers.windows-pod",
     "{0} asks for a Windows node, and a lab realises none. Remove the node selector to run it on Linux.",
     "{0}은(는) Windows 노드를 요구하지만 랩에는 없습니다. Linux에서 실행하려면 노드 셀렉터를 제거하십시오."},
    {"controllers.too-many-nodes",
     "Pool {1} of cluster {0} asks for {2} nodes; a lab makes at most {3} for a cluster. Reduce the count.",
     "클러스터 {0}의 풀 {1}은(는) 노드 {2}개를 요구하지만 랩은 클러스터마다 최대 {3}개를 만듭니다. 개수를 줄이십시오."},
    {"controllers.too-many-pods", "{0} asks for more pods than a lab makes ({1} in all). Reduce its replicas.",
     "{0}은(는) 랩이 만드는 수(전체 {1}개)보다 많은 파드를 요구합니다. replicas를 줄이십시오."},
    {"controllers.host-name-taken",
     "Host {0} of this network is not made: another host has that name. Rename one of them.",
     "이 네트워크의 호스트 {0}을(를) 만들지 않았습니다. 같은 이름의 호스트가 이미 있습니다. 하나의 이름을 바꾸십시오."},
    {"controllers.network-full", "No address is left for {0}. Give it one, or remove others.",
     "{0}에 줄 주소가 남아 있지 않습니다. 주소를 지정하거나 다른 것을 제거하십시오."},
    {"controllers.no-nodes", "{0} cannot run: its cluster has no nodes. Add a node pool.",
     "{0}을(를) 실행할 수 없습니다. 클러스터에 노드가 없습니다. 노드 풀을 추가하십시오."},
    {"controllers.unschedulable",
     "No node takes {0}. Of {1} nodes: {2} full, {3} with other labels, {4} with taints it does not tolerate or "
     "cordoned, {5} with its host port in use, {6} not realised. Add nodes, or change what the pod asks for.",
     "{0}을(를) 실행할 노드가 없습니다. 노드 {1}개 중 가득 참 {2}, 레이블 불일치 {3}, 허용하지 않는 테인트 또는 "
     "스케줄링 중지 {4}, 호스트 포트 사용 중 {5}, 실행되지 않음 {6}. 노드를 추가하거나 파드의 요구를 바꾸십시오."},
    {"controllers.node-missing", "{0} names node {1}, which does not exist. Add the Node or remove spec.nodeName.",
     "{0}이(가) 지정한 노드 {1}이(가) 없습니다. Node를 추가하거나 spec.nodeName을 제거하십시오."},
    {"controllers.node-not-realised",
     "{0} belongs on node {1}, which is not realised. The conditions of that node and its cluster say why.",
     "{0}은(는) 노드 {1}에 있어야 하지만 그 노드는 실행되지 않습니다. 노드와 클러스터의 상태에서 이유를 확인하십시오."},
    {"controllers.node-full", "{0} belongs on node {1}, which is full (maxPods {2}). Raise maxPods or move pods.",
     "{0}은(는) 노드 {1}에 있어야 하지만 가득 찼습니다(maxPods {2}). maxPods를 늘리거나 파드를 옮기십시오."},
    {"controllers.host-port-taken",
     "{0} belongs on node {1}, where another pod has its host port. Use another port or node.",
     "{0}은(는) 노드 {1}에 있어야 하지만 다른 파드가 호스트 포트를 사용 중입니다. 다른 포트나 노드를 사용하십시오."},
    {"controllers.pin-taken", "{0} asks for address {1}, which {2} has. Choose a free one.",
     "{0}이(가) 요구한 주소 {1}은(는) {2}이(가) 사용 중입니다. 비어 있는 주소를 선택하십시오."},
    {"controllers.pin-outside",
     "{0} asks for {1}, which is outside of every subnet its cluster's nodes are in. Choose one of such a subnet.",
     "{0}이(가) 요구한 {1}은(는) 클러스터 노드의 어느 서브넷에도 속하지 않습니다. 그 서브넷의 주소를 선택하십시오."},
    {"controllers.pin-elsewhere",
     "{0} asks for {1}, which belongs to another node than those that could take it. Choose an address outside of "
     "the nodes' ranges, or name the node.",
     "{0}이(가) 요구한 {1}은(는) 실행 가능한 노드가 아닌 다른 노드의 것입니다. 노드 범위 밖의 주소를 선택하거나 노드를 "
     "지정하십시오."},
    {"controllers.pod-address-replaced",
     "The status of {0} says address {1}, which the lab's network does not have; it gets another one.",
     "{0}의 상태에 있는 주소 {1}은(는) 랩 네트워크에 없어 다른 주소를 받습니다."},
    {"controllers.family-missing",
     "{0} asks for {1}, which the service range of cluster {2} does not have. Add a range.",
     "{0}이(가) 요구한 {1}은(는) 클러스터 {2}의 서비스 범위에 없습니다. 범위를 추가하십시오."},
    {"controllers.dual-stack-missing",
     "{0} requires both address families, and cluster {1} has one service range. Add the other, or use "
     "PreferDualStack.",
     "{0}은(는) 두 주소 체계를 모두 요구하지만 클러스터 {1}의 서비스 범위는 하나입니다. 다른 범위를 추가하거나 "
     "PreferDualStack을 사용하십시오."},
    {"controllers.service-address-outside", "{0} asks for {1}, which is outside of the service range {2}.",
     "{0}이(가) 요구한 {1}은(는) 서비스 범위 {2} 밖에 있습니다."},
    {"controllers.service-address-taken", "{0} asks for {1}, which belongs to {2}. Choose another one.",
     "{0}이(가) 요구한 {1}은(는) {2}의 것입니다. 다른 주소를 선택하십시오."},
    {"controllers.service-range-full", "The service range {1} has no address left for {0}. Use a larger serviceCIDR.",
     "서비스 범위 {1}에 {0}에 줄 주소가 없습니다. 더 큰 serviceCIDR을 사용하십시오."},
    {"controllers.node-port-outside", "{0} asks for node port {1}; node ports are 30000 to 32767.",
     "{0}이(가) 요구한 노드 포트 {1}은(는) 쓸 수 없습니다. 노드 포트는 30000~32767입니다."},
    {"controllers.node-port-taken", "{0} asks for node port {1}, which {2} has. Choose another one.",
     "{0}이(가) 요구한 노드 포트 {1}은(는) {2}이(가) 사용 중입니다. 다른 포트를 선택하십시오."},
    {"controllers.node-ports-full", "No node port is left for {0}. Remove Services that need none.",
     "{0}에 줄 노드 포트가 없습니다. 필요 없는 서비스를 제거하십시오."},
    {"controllers.load-balancer-full", "No LoadBalancer has an address left for {0}. Add addresses to one.",
     "{0}에 줄 주소가 남은 LoadBalancer가 없습니다. LoadBalancer에 주소를 추가하십시오."},
    {"controllers.load-balancer-address-taken", "{0} asks for load-balancer address {1}, which is in use.",
     "{0}이(가) 요구한 로드 밸런서 주소 {1}은(는) 사용 중입니다."},
    {"controllers.load-balancer-address-outside",
     "{0} asks for load-balancer address {1}, which no LoadBalancer has. Add it to one.",
     "{0}이(가) 요구한 로드 밸런서 주소 {1}을(를) 가진 LoadBalancer가 없습니다. LoadBalancer에 추가하십시오."},
    {"controllers.selector-unsatisfiable", "A selector of {0} contradicts itself, so no pod or namespace can match it.",
     "{0}의 셀렉터가 서로 모순되어 어떤 파드나 네임스페이스도 일치할 수 없습니다."},
};

}  // namespace

std::span<const base::Text> texts() { return table; }

}  // namespace bailey::lab::controllers
