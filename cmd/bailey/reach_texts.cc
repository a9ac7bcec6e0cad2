// Texts of reach, explain and diff.
#include "texts.h"

namespace bailey::cli {
namespace {

constexpr base::Text table_of_reach[] = {
    {"cli.help.reach", "Who reaches whom, and what decides, from the manifests alone",
     "매니페스트만 보고 누가 누구에게 닿는지, 무엇이 결정하는지 답합니다"},
    {"cli.option.explain-lab", "Of a running lab, and whether its packets agree",
     "실행 중인 랩에 대해, 패킷과 일치하는지도 함께"},
    {"cli.explain.one-source", "Give manifests (-f PATH) or a running lab (--lab NAME).",
     "매니페스트(-f PATH)나 실행 중인 랩(--lab NAME) 중 하나를 주세요."},
    {"cli.explain.agree", "packets agree: {0}", "패킷도 같습니다: {0}"},
    {"cli.explain.disagree", "packets do not agree: {0}", "패킷이 다릅니다: {0}"},
    {"cli.help.explain", "One connection step by step: route, security group, translation, service, policy",
     "연결 하나를 단계별로 설명합니다: 경로, 보안 그룹, 변환, 서비스, 정책"},
    {"cli.help.diff", "What a change of the manifests opens and closes", "매니페스트 변경으로 무엇이 열리고 닫히는지"},
    {"cli.option.diff-side", "A file, a folder, or git:REV:PATH", "파일, 폴더 또는 git:REV:PATH"},
    {"cli.option.forbid", "Exit with status 1 when there is any", "해당 변경이 있으면 상태 1로 끝냅니다"},
    {"cli.option.url", "Which Service answers for a URL", "URL에 답하는 서비스"},
    {"cli.option.method", "With --url: the method of the request", "--url과 함께: 요청 메서드"},
    {"cli.option.header", "With --url: a header of the request, may be repeated",
     "--url과 함께: 요청 헤더(여러 번 가능)"},
    {"cli.bad-header", "'{0}' is no header; write --header 'Name: value'.",
     "'{0}'은(는) 헤더가 아닙니다. --header '이름: 값'으로 쓰십시오."},
    {"cli.bad-url", "'{0}' is no URL; write http://HOST/PATH or https://HOST/PATH.",
     "'{0}'은(는) URL이 아닙니다. http://HOST/PATH 또는 https://HOST/PATH로 쓰십시오."},
    {"cli.option.limit", "Groups to show of each kind", "종류마다 보여 줄 묶음의 수"},
    {"cli.reach.allow", "allow", "허용"},
    {"cli.reach.deny", "deny", "거부"},
    {"cli.reach.endpoints", "({0} of {1} endpoints)", "(엔드포인트 {1}개 중 {0}개)"},
    {"cli.reach.seen", "{0} answers, and sees {1}", "{0}이(가) 응답하며 {1}을(를) 봅니다"},
    {"cli.reach.decided-by", "decided by {0}", "결정: {0}"},
    {"cli.reach.reply", "and back", "응답"},
    {"cli.reach.summary", "{0} allow, {1} deny", "허용 {0}, 거부 {1}"},
    {"cli.reach.matrix", "{0} endpoints; one pair: bailey explain -f PATH FROM TO PORT",
     "엔드포인트 {0}개. 한 쌍 보기: bailey explain -f PATH FROM TO PORT"},
    {"cli.reach.nobody", "There are no two endpoints: no pods with an address, no nodes, no hosts.",
     "두 개 이상의 엔드포인트가 없습니다. 주소가 있는 파드, 노드, 호스트가 없습니다."},
    {"cli.reach.by-all", "everyone ({0})", "모두 ({0})"},
    {"cli.reach.by-none", "nobody", "없음"},
    {"cli.reach.by-all-but", "everyone but {0}", "다음을 뺀 모두: {0}"},
    {"cli.head.decided-by", "DECIDED BY", "결정"},
    {"cli.head.reached-by", "REACHED BY", "닿을 수 있는 곳"},
    {"cli.head.pairs", "PAIRS", "쌍"},
    {"cli.head.before", "BEFORE", "이전"},
    {"cli.head.after", "AFTER", "이후"},
    {"cli.diff.title", "Who reaches whom", "누가 누구에게 닿는가"},
    {"cli.diff.summary", "{0} pairs opened, {1} closed, {2} changed what decides",
     "열린 쌍 {0}, 닫힌 쌍 {1}, 결정 요인이 바뀐 쌍 {2}"},
    {"cli.diff.opened", "Opened ({0} pairs)", "열림 (쌍 {0}개)"},
    {"cli.diff.closed", "Closed ({0} pairs)", "닫힘 (쌍 {0}개)"},
    {"cli.diff.changed", "Decided otherwise ({0} pairs)", "결정 요인이 바뀜 (쌍 {0}개)"},
    {"cli.diff.pairs", "({0} pairs)", "(쌍 {0}개)"},
    {"cli.diff.and-more", "and {0} more", "외 {0}개"},
    {"cli.diff.before", "before: {0}", "이전: {0}"},
    {"cli.diff.after", "after:  {0}", "이후: {0}"},
    {"cli.diff.absent", "does not exist", "없음"},
    {"cli.diff.more", "and {0} more groups; all of them: -o json", "그 밖에 {0}묶음. 모두 보기: -o json"},
};

}  // namespace

std::span<const base::Text> reach_command_texts() { return table_of_reach; }

}  // namespace bailey::cli
