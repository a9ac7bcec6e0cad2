// ING: layer 7, its objects and the pods that serve them.
#include <algorithm>
#include <set>

#include "plan/check/certificate.h"
#include "plan/check/facts.h"
#include "plan/check/rule.h"

namespace bailey::plan::check {
namespace {

using namespace model;

constexpr std::string_view os_label = "kubernetes.io/os";
constexpr std::string_view class_annotation_field = "metadata.annotations.kubernetes.io/ingress.class";

// A web application on a node port or an external address, with no Ingress that leads to it.
void ing_01(const Facts& facts, Findings& report) {
  std::set<std::pair<std::string, std::string>> served;
  for (const auto& ingress : facts.now().all<Ingress>()) {
    if (ingress->default_backend) served.insert({ingress->meta.ns, ingress->default_backend->service});
    for (const IngressRule& rule : ingress->rules)
      for (const IngressPath& path : rule.paths) served.insert({ingress->meta.ns, path.backend.service});
  }
  for (const auto& service : facts.now().all<Service>()) {
    bool open = service->type == ServiceType::node_port || !service->external_addresses.empty();
    if (!open || service->type == ServiceType::load_balancer || !is_web(*service)) continue;
    if (served.contains({service->meta.ns, service->meta.name}) || facts.fronts_controller(*service)) continue;
    report.add(service->meta, service->type == ServiceType::node_port ? "spec.type" : "spec.externalIPs");
  }
}

// The hosts that an entry of spec.tls serves: its own, or those of the rules.
std::vector<std::string> hosts_of(const Ingress& ingress, const IngressTls& tls) {
  if (!tls.hosts.empty()) return tls.hosts;
  std::vector<std::string> out;
  for (const IngressRule& rule : ingress.rules)
    if (!rule.host.empty()) out.push_back(rule.host);
  return out;
}

void judge_certificate(const Facts& facts, Findings& report, const Ingress& ingress, const IngressTls& tls,
                       const std::string& field, const std::string& pem) {
  std::string name = ingress.meta.ns + "/" + tls.secret;
  std::optional<Certificate> certificate = read_certificate(pem);
  if (!certificate) {
    report.add(ingress.meta, field, {name}, 3);
    return;
  }
  if (!facts.time().empty() && certificate->not_after < facts.time())
    report.add(ingress.meta, field, {name, certificate->not_after}, 4);
  for (const std::string& host : hosts_of(ingress, tls)) {
    auto covers = [&](const std::string& each) { return name_covers(each, host); };
    if (std::any_of(certificate->names.begin(), certificate->names.end(), covers)) continue;
    std::string list;
    for (const std::string& each : certificate->names) list += (list.empty() ? "" : ", ") + each;
    report.add(ingress.meta, field, {name, list.empty() ? "-" : list, host}, 5);
  }
}

void ing_02(const Facts& facts, Findings& report) {
  bool secrets_given = !facts.now().all<Secret>().empty();
  for (const auto& ingress : facts.now().all<Ingress>()) {
    for (std::size_t i = 0; i < ingress->rules.size(); ++i) {
      const std::string& host = ingress->rules[i].host;
      bool covered = std::any_of(ingress->tls.begin(), ingress->tls.end(), [&](const IngressTls& tls) {
        return tls.hosts.empty() || std::any_of(tls.hosts.begin(), tls.hosts.end(),
                                                [&](const std::string& pattern) { return name_covers(pattern, host); });
      });
      if (!host.empty() && !covered) report.add(ingress->meta, item("spec.rules", i) + ".host", {host});
    }
    for (std::size_t i = 0; i < ingress->tls.size(); ++i) {
      const std::string& name = ingress->tls[i].secret;
      std::string field = item("spec.tls", i) + ".secretName";
      const Secret* secret = facts.now().find<Secret>(ObjectRef{Kind::Secret, ingress->meta.ns, name});
      // Without any Secret among the files they are kept elsewhere, as they should be.
      if (name.empty() || (!secret && !secrets_given)) continue;
      if (!secret)
        report.add(ingress->meta, field, {ingress->meta.ns + "/" + name}, 1);
      else if (!secret->data.contains("tls.crt") || !secret->data.contains("tls.key"))
        report.add(ingress->meta, field, {ingress->meta.ns + "/" + name}, 2);
      else
        judge_certificate(facts, report, *ingress, ingress->tls[i], field, secret->data.at("tls.crt"));
    }
  }
}

void ing_03(const Facts& facts, Findings& report) {
  std::set<std::string> known = {"bailey", "nginx"};  // what bailey-gateway serves without an IngressClass
  bool has_default = false;
  std::string list;
  for (const auto& each : facts.now().all<IngressClass>()) {
    known.insert(each->meta.name);
    has_default = has_default || each->is_default;
    list += (list.empty() ? "" : ", ") + each->meta.name;
  }
  for (const auto& gateway : facts.now().all<ApplicationGateway>())
    if (!gateway->ingress_class.empty()) known.insert(gateway->ingress_class);
  for (const auto& ingress : facts.now().all<Ingress>()) {
    if (ingress->class_by_annotation)
      report.add(ingress->meta, std::string(class_annotation_field), {*ingress->class_name});
    else if (!ingress->class_name && !has_default)
      report.add(ingress->meta, "spec", {list.empty() ? "bailey" : list}, 1);
    else if (ingress->class_name && !known.contains(*ingress->class_name))
      report.add(ingress->meta, "spec.ingressClassName", {*ingress->class_name}, 2);
  }
}

void ing_04(const Facts& facts, Findings& report) {
  for (const Pods& pods : facts.pods()) {
    if (!Facts::is_controller(pods)) continue;
    const Labels& selector = pods.spec->node_selector;
    auto at = selector.find(std::string(os_label));
    if (at == selector.end()) at = selector.find("beta.kubernetes.io/os");
    if (at != selector.end() && at->second == "linux") continue;
    std::string path(pods.spec_path);
    bool windows = at != selector.end();
    std::string field = path + ".nodeSelector." + std::string(os_label);
    Finding& finding = report.add(*pods.meta, windows ? field : path, {windows ? at->second : "-"}, windows ? 1 : 0);
    // A pod's node is chosen once; only a template can be mended.
    if (!windows && pods.meta->kind != Kind::Pod) finding.fix = Fix{field, "linux"};
  }
}

void ing_05(const Facts& facts, Findings& report) {
  for (const Pods& pods : facts.pods()) {
    bool replicated = pods.meta->kind == Kind::Deployment || pods.meta->kind == Kind::StatefulSet;
    if (replicated && Facts::is_controller(pods) && pods.count < 2)
      report.add(*pods.meta, "spec.replicas", {std::to_string(pods.count)});
  }
}

void ing_06(const Facts& facts, Findings& report) {
  for (const auto& ingress : facts.now().all<Ingress>())
    if (ingress->api_version != "networking.k8s.io/v1")
      report.add(ingress->meta, "apiVersion", {ingress->api_version.empty() ? "-" : ingress->api_version});
}

}  // namespace

const std::vector<Rule>& ingress_rules() {
  static const std::vector<Rule> rules = {
      {.id = "ING-01",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"Web applications go through an Ingress (layer 7).",
                     "웹 애플리케이션은 수신(Ingress, 계층 7)을 거칩니다."},
       .why = {"An Ingress chooses by URL, ends TLS, and serves many applications at one address.",
               "수신은 URL로 구분하고 TLS를 종료하며 한 주소로 여러 애플리케이션을 제공합니다."},
       .forms = {{{"a web application that is open by port, with no Ingress",
                   "Ingress 없이 포트로 열린 웹 애플리케이션"},
                  {"Write type: ClusterIP without externalIPs, and add an Ingress that leads to it.",
                   "externalIPs 없이 type: ClusterIP로 쓰고 이 서비스로 가는 Ingress를 더하십시오."}}},
       .check = ing_01},
      {.id = "ING-02",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"Each host of an Ingress has TLS, with a Secret whose certificate is valid and names the host.",
                     "수신의 호스트마다 TLS가 있고, Secret의 인증서가 유효하며 호스트를 포함합니다."},
       .why = {"Without it requests and sessions are read on the way.", "TLS가 없으면 요청과 세션이 도중에 읽힙니다."},
       .forms = {{{"host {0} has no TLS", "호스트 {0}에 TLS가 없음"},
                  {"Add {0} to the hosts of an entry in spec.tls, with a secretName.",
                   "spec.tls 항목의 hosts에 {0}을(를) 더하고 secretName을 쓰십시오."}},
                 {{"Secret {0}, which is not among the others", "다른 Secret 중에 없는 Secret {0}"},
                  {"Create it (type: kubernetes.io/tls), or name one that exists.",
                   "만들거나(type: kubernetes.io/tls) 존재하는 이름을 쓰십시오."}},
                 {{"Secret {0}, which lacks tls.crt or tls.key", "tls.crt나 tls.key가 없는 Secret {0}"},
                  {"Put both into the Secret, and write type: kubernetes.io/tls.",
                   "둘 다 Secret에 넣고 type: kubernetes.io/tls로 쓰십시오."}},
                 {{"Secret {0}, whose tls.crt holds no certificate", "tls.crt에 인증서가 없는 Secret {0}"},
                  {"Put the certificate there as PEM (-----BEGIN CERTIFICATE-----).",
                   "인증서를 PEM 형식(-----BEGIN CERTIFICATE-----)으로 넣으십시오."}},
                 {{"the certificate of Secret {0} ended at {1}", "Secret {0}의 인증서가 {1}에 만료됨"},
                  {"Renew it.", "갱신하십시오."}},
                 {{"the certificate of Secret {0} is for {1}, not for {2}",
                   "Secret {0}의 인증서가 {2}이(가) 아니라 {1}의 것임"},
                  {"Get one that names {2}, or name another Secret.",
                   "{2}을(를) 포함한 인증서를 받거나 다른 Secret을 쓰십시오."}}},
       .check = ing_02},
      {.id = "ING-03",
       .profiles = Profiles::current,
       .source = pages::best_practices,
       .statement = {"An Ingress names an IngressClass that exists, in spec.ingressClassName.",
                     "수신은 존재하는 IngressClass를 spec.ingressClassName에 씁니다."},
       .why = {"The annotation is deprecated, and without a class that exists no controller serves the Ingress.",
               "주석은 더 이상 쓰이지 않으며, 존재하는 클래스가 없으면 어떤 컨트롤러도 처리하지 않습니다."},
       .forms = {{{"the deprecated annotation kubernetes.io/ingress.class: {0}",
                   "더 이상 쓰이지 않는 주석 kubernetes.io/ingress.class: {0}"},
                  {"Write spec.ingressClassName in its place, with the name of an IngressClass.",
                   "그 대신 spec.ingressClassName에 IngressClass의 이름을 쓰십시오."}},
                 {{"no class, and no IngressClass is the default", "클래스가 없고 기본 IngressClass도 없음"},
                  {"Write spec.ingressClassName, such as {0}.", "spec.ingressClassName을 쓰십시오(예: {0})."}},
                 {{"IngressClass/{0}, which does not exist", "존재하지 않는 IngressClass/{0}"},
                  {"Create it, or name one that exists.", "만들거나 존재하는 이름을 쓰십시오."}}},
       .check = ing_03},
      {.id = "ING-04",
       .source = pages::best_practices,
       .statement = {"Pods of an ingress controller select nodes with kubernetes.io/os: linux.",
                     "수신 컨트롤러의 파드는 kubernetes.io/os: linux 노드를 선택합니다."},
       .why = {"Windows nodes cannot run a controller, and the scheduler does not know.",
               "Windows 노드는 컨트롤러를 실행할 수 없는데 스케줄러는 이를 모릅니다."},
       .forms = {{{"an ingress controller without nodeSelector kubernetes.io/os: linux",
                   "nodeSelector kubernetes.io/os: linux가 없는 수신 컨트롤러"},
                  {"Write nodeSelector: {kubernetes.io/os: linux} in the pod's spec.",
                   "파드의 spec에 nodeSelector: {kubernetes.io/os: linux}를 쓰십시오."}},
                 {{"an ingress controller on {0} nodes", "{0} 노드의 수신 컨트롤러"},
                  {"Write kubernetes.io/os: linux", "kubernetes.io/os: linux로 쓰십시오."}}},
       .check = ing_04},
      {.id = "ING-05",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"An ingress controller has at least two replicas.", "수신 컨트롤러의 복제본은 둘 이상입니다."},
       .why = {"All web traffic goes through it, upgrades of its node included.",
               "노드를 업그레이드하는 동안에도 모든 웹 트래픽이 이를 거칩니다."},
       .forms = {{{"an ingress controller with {0} replica", "복제본이 {0}개인 수신 컨트롤러"},
                  {"Write replicas: 2 or more, and spread them over nodes.",
                   "replicas: 2 이상으로 쓰고 여러 노드에 나누어 두십시오."}}},
       .check = ing_05},
      {.id = "ING-06",
       .profiles = Profiles::current,
       .source = pages::best_practices,
       .statement = {"An Ingress is written as networking.k8s.io/v1.", "수신은 networking.k8s.io/v1로 씁니다."},
       .why = {"Older versions, with serviceName and servicePort, have been removed from Kubernetes.",
               "serviceName과 servicePort를 쓰는 옛 버전은 쿠버네티스에서 제거되었습니다."},
       .forms = {{{"apiVersion {0}", "apiVersion {0}"},
                  {"Write it as networking.k8s.io/v1; `bailey check --fix` prints it so.",
                   "networking.k8s.io/v1로 쓰십시오. `bailey check --fix`가 그렇게 출력합니다."}}},
       .check = ing_06,
       .mistakes = {{"old-api-version", Kind::Ingress, "apiVersion"}, {"old-field", Kind::Ingress, "spec"}}},
  };
  return rules;
}

}  // namespace bailey::plan::check
