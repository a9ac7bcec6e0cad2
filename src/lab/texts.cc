#include <array>

#include "lab/lab.h"

namespace bailey::lab {
namespace {

constexpr base::Text table[] = {
    {"lab.needs-root", "a lab needs root: it makes namespaces, interfaces and routes of its own. Run it with sudo.",
     "랩은 네임스페이스, 인터페이스, 경로를 직접 만들므로 root 권한이 필요합니다. sudo로 실행하십시오."},
    {"lab.machine-refused", "the machine refused: {0}", "시스템이 거부했습니다: {0}"},
    {"lab.runs-already", "lab {0} runs already. End it with: bailey lab down --name {0}",
     "랩 {0}이(가) 이미 실행 중입니다. 다음 명령으로 종료하십시오: bailey lab down --name {0}"},
    {"lab.runs-not", "no lab {0} runs. Start it with: bailey lab up --name {0} -f PATH",
     "실행 중인 랩 {0}이(가) 없습니다. 다음 명령으로 시작하십시오: bailey lab up --name {0} -f PATH"},
    {"lab.bad-name", "{0} is no name for a lab: use 1 to 40 letters, digits, '-', '_' or '.', a letter or digit first.",
     "{0}은(는) 랩 이름이 될 수 없습니다. 문자, 숫자, '-', '_', '.'를 1~40자로 쓰고 문자나 숫자로 시작하십시오."},
    {"lab.input-refused", "the input has mistakes; nothing was changed.",
     "입력에 오류가 있어 아무것도 변경하지 않았습니다."},
    {"lab.set-aside", "{0} is set aside: {1} refers to something that is gone ({2}). It comes back when that does.",
     "{0}을(를) 제외했습니다. {1}이(가) 가리키는 대상이 사라졌습니다({2}). 그 대상이 돌아오면 다시 적용합니다."},
    {"lab.policy-not-enforced", "network policies are not enforced on this node: {0}",
     "이 노드에서는 네트워크 정책이 적용되지 않습니다: {0}"},
    {"lab.masquerade-failed", "the node could not set its bridge, or the translation of its pods' addresses: {0}",
     "노드의 브리지나 파드 주소 변환을 설정하지 못했습니다: {0}"},
    {"lab.supervisor-ended", "the lab ended before it was ready: {0}", "랩이 준비되기 전에 종료되었습니다: {0}"},
    {"lab.no-answer", "lab {0} does not answer: {1}", "랩 {0}이(가) 응답하지 않습니다: {1}"},
    {"lab.not-ready-in-time", "not everything was ready within {0} ms; see: bailey lab status --name {1}",
     "{0}ms 안에 모두 준비되지 않았습니다. 다음을 확인하십시오: bailey lab status --name {1}"},
    {"lab.plugin-missing", "the program {0} is missing; it is built with: ./dev build",
     "프로그램 {0}이(가) 없습니다. 다음 명령으로 빌드하십시오: ./dev build"},
    {"lab.pod-failed", "the network plugin could not wire the pod: {0}",
     "네트워크 플러그인이 파드를 연결하지 못했습니다: {0}"},
    {"lab.host-failed", "the process of {0} ends again and again; see: bailey lab logs {0}",
     "{0}의 프로세스가 반복해서 종료됩니다. 다음을 확인하십시오: bailey lab logs {0}"},
    {"lab.no-endpoint", "{0} does not exist in this lab. See: bailey lab status",
     "{0}은(는) 이 랩에 없습니다. 다음을 확인하십시오: bailey lab status"},
    {"lab.bad-endpoint",
     "{0} names no endpoint. Write pod/NS/NAME, node/NAME, host/NAME, nic/NAME, svc/NS/NAME or an address.",
     "{0}은(는) 엔드포인트 이름이 아닙니다. pod/NS/NAME, node/NAME, host/NAME, nic/NAME, svc/NS/NAME 또는 주소를 "
     "쓰십시오."},
    {"lab.bad-port", "{0} is no port. Write 80/tcp, 53/udp, 80/sctp or icmp.",
     "{0}은(는) 포트가 아닙니다. 80/tcp, 53/udp, 80/sctp 또는 icmp로 쓰십시오."},
    {"lab.cannot-start-there", "nothing of this lab runs at {0}, so no packet can start there.",
     "{0}에서 실행되는 것이 없어 패킷을 보낼 수 없습니다."},
    {"lab.no-common-family", "no address family is shared with {0}.", "{0}와(과) 공통된 주소 체계가 없습니다."},
    {"lab.conn-needs-id", "a connection needs an id.", "연결에는 ID가 필요합니다."},
    {"lab.conn-is-tcp", "connections are held over TCP only, not {0}.",
     "연결 유지는 TCP만 지원하며 {0}은(는) 지원하지 않습니다."},
    {"lab.no-connection", "no connection {0} was opened. See: bailey lab conn list",
     "연결 {0}이(가) 열려 있지 않습니다. 다음을 확인하십시오: bailey lab conn list"},
    {"lab.bad-action", "{0} is no action: use open, send, close or list.",
     "{0}은(는) 동작이 아닙니다. open, send, close, list 중 하나를 쓰십시오."},
    {"lab.bad-verb", "the lab does not know the request {0}; is it of another version?",
     "랩이 요청 {0}을(를) 알지 못합니다. 버전이 다른지 확인하십시오."},
    {"lab.bad-object", "{0} names no object. Write KIND/NAME or KIND/NAMESPACE/NAME.",
     "{0}은(는) 개체 이름이 아닙니다. KIND/NAME 또는 KIND/NAMESPACE/NAME으로 쓰십시오."},
    {"lab.no-object", "{0} does not exist in this lab. Its objects come from the files given to up and apply.",
     "{0}은(는) 이 랩에 없습니다. 개체는 up과 apply에 준 파일에서 옵니다."},
    {"lab.object-is-generated",
     "{0} was generated from another object and cannot be deleted alone; delete or change that one.",
     "{0}은(는) 다른 개체에서 생성되어 단독으로 삭제할 수 없습니다. 원래 개체를 삭제하거나 변경하십시오."},
    {"lab.no-host", "no host {0} in this lab. See: bailey lab status",
     "이 랩에 호스트 {0}이(가) 없습니다. 다음을 확인하십시오: bailey lab status"},
    {"lab.cannot-run", "cannot run {0}: {1}", "{0}을(를) 실행할 수 없습니다: {1}"},
};

}  // namespace

std::span<const base::Text> texts() { return table; }

}  // namespace bailey::lab
