#include "import/az.h"

namespace bailey::importer {
namespace {

constexpr base::Text import_texts[] = {
    {"import.expected-az", "what az prints with -o json: an object or a list of objects",
     "az가 -o json으로 출력한 객체 또는 객체 목록"},
    {"import.found-other", "something else", "다른 내용"},
    {"import.mend-az", "Save the output of, for example, \"az network vnet list -o json\".",
     "예를 들어 \"az network vnet list -o json\"의 출력을 저장하십시오."},
    {"import.no-counterpart", "not imported: Bailey has nothing like it",
     "가져오지 않음: Bailey에 해당하는 것이 없습니다"},
    {"import.wrong-type", "not imported: not of the type that Azure documents",
     "가져오지 않음: Azure 문서의 형식과 다릅니다"},
    {"import.no-resource", "not imported: it has no resource id", "가져오지 않음: 리소스 ID가 없습니다"},
    {"import.unknown-type", "not imported: resources of type {0} are not read",
     "가져오지 않음: {0} 형식의 리소스는 읽지 않습니다"},
    {"import.twice", "{0} was read before; this one is left out", "{0}은(는) 이미 읽었으므로 이번 것은 뺍니다"},
    {"import.name-taken", "{0} is called {1}, as another one has that name",
     "같은 이름이 있어 {0}을(를) {1}(으)로 부릅니다"},
    {"import.renamed", "{0} is called {1}", "{0}을(를) {1}(으)로 부릅니다"},
    {"import.no-parent", "{0} is not imported: what it belongs to is not among the files",
     "{0}을(를) 가져오지 않음: 이것이 속한 리소스가 파일에 없습니다"},
    {"import.not-among-files", "{0} is not among the files, so the reference is left out",
     "{0}이(가) 파일에 없어 참조를 뺐습니다"},
    {"import.left-out", "{0} is not imported, as it cannot be without what is missing",
     "{0}은(는) 빠진 것 없이는 성립하지 않아 가져오지 않습니다"},
    {"import.refused", "the {0} is not imported: Bailey does not take its {1} ({2})",
     "이 {0}은(는) 가져오지 않음: Bailey가 {1}을(를) 받지 않습니다({2})"},
    {"import.item-refused", "left out: Bailey does not take {0} ({1})", "뺐음: Bailey가 {0}을(를) 받지 않습니다({1})"},
    {"import.peering-state", "the peering is {0} in Azure; here it works as soon as both directions exist",
     "Azure에서는 피어링 상태가 {0}이지만, 여기서는 양방향이 있으면 바로 동작합니다"},
    {"import.second-address", "{0} is not imported: an interface has one address of each family in one subnet",
     "{0}을(를) 가져오지 않음: 인터페이스는 한 서브넷에서 주소 체계마다 주소 하나를 가집니다"},
    {"import.public-address", "the public address is not in this file; set spec.publicAddress yourself if it matters",
     "공용 주소가 이 파일에 없습니다. 필요하면 spec.publicAddress를 직접 쓰십시오"},
    {"import.connection-type", "connections of type {0} are not imported", "{0} 형식의 연결은 가져오지 않습니다"},
    {"import.shared-key", "the key is not imported; keep it in a Secret and name that in spec.sharedKeySecret",
     "키는 가져오지 않습니다. Secret에 두고 spec.sharedKeySecret에 그 이름을 쓰십시오"},
    {"import.overlay",
     "imported as vnet, which is not the same: in an overlay pods have addresses of their own range and leave the node "
     "under its address; here they take addresses of the subnet",
     "vnet으로 가져오지만 같지 않습니다. 오버레이의 파드는 별도 범위의 주소를 쓰고 노드 주소로 나가지만, 여기서는 "
     "서브넷의 주소를 씁니다"},
    {"import.no-plugin", "imported as vnet: which network plugin the cluster brings is not known",
     "vnet으로 가져옵니다. 클러스터가 직접 설치한 네트워크 플러그인은 알 수 없습니다"},
    {"import.pod-subnet", "pods take addresses of the nodes' subnet here, not of a subnet of their own",
     "여기서 파드는 별도의 서브넷이 아니라 노드 서브넷의 주소를 씁니다"},
};

}  // namespace

std::span<const base::Text> texts() { return import_texts; }

}  // namespace bailey::importer
