#include "texts.h"

namespace bailey::cli {
namespace {

constexpr base::Text import_command_texts[] = {
    {"cli.help.import", "Manifests from what other programs print", "다른 프로그램의 출력을 매니페스트로 바꿉니다"},
    {"cli.help.import-az", "From the Azure CLI: networks, gateways, AKS clusters",
     "Azure CLI에서: 네트워크, 게이트웨이, AKS 클러스터"},
    {"cli.option.import-files", "Output of az ... -o json: files, folders, or - for standard input",
     "az ... -o json의 출력: 파일, 폴더, 또는 표준 입력 -"},
};

}  // namespace

std::span<const base::Text> import_texts() { return import_command_texts; }

}  // namespace bailey::cli
