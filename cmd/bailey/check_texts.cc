// The texts of the command `check`.
#include "texts.h"

namespace bailey::cli {
namespace {

constexpr base::Text table_of_check[] = {
    {"cli.info", "info", "info"},
    {"cli.option.profile", "Which text of the guidance: classic (2018) or current (2026)",
     "따를 지침: classic(2018년) 또는 current(2026년)"},
    {"cli.option.previous", "What runs today: also find changes that a running cluster cannot take",
     "지금 운영 중인 것: 운영 중에 바꿀 수 없는 변경도 찾습니다"},
    {"cli.option.rules", "Print the rules and check nothing", "점검하지 않고 규칙을 출력합니다"},
    {"cli.check.summary", "{0} objects, {1} errors, {2} warnings, {3} infos",
     "개체 {0}개, 오류 {1}개, 경고 {2}개, 정보 {3}개"},
    {"cli.check.unknown-kind", "not read: {1} of kind {0}", "읽지 않음: {0} 종류 {1}개"},
    {"cli.check.no-combination", "{0} does not go with {1}.", "{0}은(는) {1}와(과) 함께 쓸 수 없습니다."},
    {"cli.check.not-checked", "not checked", "점검하지 않음"},
    {"cli.check.rule", "RULE", "규칙"},
    {"cli.check.severity", "SEVERITY", "심각도"},
    {"cli.check.when", "WHEN", "조건"},
    {"cli.check.statement", "WHAT SHOULD BE SO", "내용"},
};

}  // namespace

std::span<const base::Text> check_texts() { return table_of_check; }

}  // namespace bailey::cli
