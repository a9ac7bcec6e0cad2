// WAF: the web application firewall before what the Internet reaches.
#include <algorithm>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"
#include "plan/check/traffic.h"

namespace bailey::plan::check {
namespace {

using namespace model;

const WafPolicy* policy_named(const Facts& facts, const std::string& name) {
  if (name.empty()) return nullptr;
  std::size_t slash = name.find('/');
  std::string ns = slash == std::string::npos ? "default" : name.substr(0, slash);
  return facts.now().find<WafPolicy>(
      ObjectRef{Kind::WafPolicy, ns, slash == std::string::npos ? name : name.substr(slash + 1)});
}

// What WafPolicies say they are attached to, as it is written there.
std::map<std::string, const WafPolicy*> attachments(const Facts& facts) {
  std::map<std::string, const WafPolicy*> out;
  for (const auto& policy : facts.now().all<WafPolicy>())
    for (const std::string& to : policy->attach_to) {
      std::optional<ObjectRef> ref = ObjectRef::parse(to);
      out.emplace(ref && to.find('/') != std::string::npos ? ref->text() : to, policy.get());
    }
  return out;
}

// The firewall of an application gateway: its own, or one that says it is attached to it.
const WafPolicy* firewall_of(const Facts& facts, const std::map<std::string, const WafPolicy*>& attached,
                             const ApplicationGateway& gateway) {
  if (const WafPolicy* own = policy_named(facts, gateway.waf_policy)) return own;
  auto at = attached.find(gateway.meta.ref().text());
  return at == attached.end() ? nullptr : at->second;
}

// Names of classes that the Internet does not see.
bool is_private_class(const std::string& name) {
  return name.find("internal") != std::string::npos || name.find("private") != std::string::npos;
}

void waf_01(const Facts& facts, Findings& report) {
  std::map<std::string, const WafPolicy*> attached = attachments(facts);
  std::map<std::string, const WafPolicy*> by_class;
  for (const auto& gateway : facts.now().all<ApplicationGateway>())
    if (const WafPolicy* policy = firewall_of(facts, attached, *gateway)) {
      by_class.emplace(gateway->ingress_class, policy);
      if (gateway->in_front) by_class.emplace("", policy);
    }
  auto look_up = [](const std::map<std::string, const WafPolicy*>& in, const std::string& key) {
    auto at = in.find(key);
    return at == in.end() ? nullptr : at->second;
  };
  for (const auto& ingress : facts.now().all<Ingress>()) {
    std::string name = ingress->class_name.value_or("");
    if (is_private_class(name)) continue;
    const WafPolicy* policy = look_up(attached, ingress->meta.ref().text());
    for (const IngressRule& rule : ingress->rules)
      if (!policy) policy = look_up(attached, rule.host);
    if (!policy) policy = look_up(by_class, name);
    if (!policy) policy = look_up(by_class, "");
    if (!policy)
      report.add(ingress->meta, "spec");
    else if (!policy->prevention)
      report.add(ingress->meta, "spec", {policy->meta.ref().text()}, 1);
  }
}

// With a firewall in front, what is behind must not be open beside it.
void waf_02(const Facts& facts, Findings& report) {
  std::map<std::string, const WafPolicy*> attached = attachments(facts);
  const ApplicationGateway* front = nullptr;
  for (const auto& gateway : facts.now().all<ApplicationGateway>())
    if (gateway->in_front && firewall_of(facts, attached, *gateway) && !front) front = gateway.get();
  if (!front) return;
  std::set<std::pair<std::string, std::string>> behind;
  for (const auto& ingress : facts.now().all<Ingress>())
    for (const IngressRule& rule : ingress->rules)
      for (const IngressPath& path : rule.paths) behind.insert({ingress->meta.ns, path.backend.service});
  for (const auto& service : facts.now().all<Service>()) {
    bool balanced = service->type == ServiceType::load_balancer && !is_internal(facts, *service);
    const auto& ranges = service->load_balancer_source_ranges;
    bool narrowed = !ranges.empty() && std::none_of(ranges.begin(), ranges.end(), is_public);
    bool concerns = behind.contains({service->meta.ns, service->meta.name}) || facts.fronts_controller(*service);
    if (concerns && balanced && !narrowed) report.add(service->meta, "spec.type", {front->meta.ref().text()});
  }
}

void waf_03(const Facts& facts, Findings& report) {
  constexpr std::size_t large = 20;  // hosts
  std::set<std::string> hosts;
  const Ingress* last = nullptr;
  for (const auto& ingress : facts.now().all<Ingress>())
    for (const IngressRule& rule : ingress->rules)
      if (!rule.host.empty() && hosts.insert(rule.host).second && hosts.size() == large) last = ingress.get();
  for (const auto& gateway : facts.now().all<ApplicationGateway>())
    if (gateway->in_front) return;
  if (last) report.add(last->meta, "spec.rules", {std::to_string(hosts.size())});
}

}  // namespace

const std::vector<Rule>& firewall_rules() {
  static const std::vector<Rule> rules = {
      {.id = "WAF-01",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"An Ingress that the Internet reaches has a web application firewall that blocks.",
                     "인터넷에서 닿는 수신에는 차단하는 웹 애플리케이션 방화벽이 있습니다."},
       .why = {"Injection and scripting attacks are stopped before they reach cluster and applications.",
               "삽입과 스크립팅 공격을 클러스터와 애플리케이션에 닿기 전에 막습니다."},
       .forms =
           {{{"an Ingress without a web application firewall", "웹 애플리케이션 방화벽이 없는 수신"},
             {"Add a WafPolicy with mode: Prevention and attachTo: [Ingress/NAMESPACE/NAME], or serve it by an "
              "ApplicationGateway with a wafPolicy.",
              "mode: Prevention과 attachTo: [Ingress/네임스페이스/이름]을 쓴 WafPolicy를 더하거나, wafPolicy가 있는 "
              "ApplicationGateway로 제공하십시오."}},
            {{"{0} only detects", "{0}이(가) 탐지만 함"},
             {"Write mode: Prevention there, once its log shows no false alarms.",
              "로그에 오탐이 없으면 mode: Prevention으로 쓰십시오."}}},
       .check = waf_01},
      {.id = "WAF-02",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"What lies behind a firewall in front of the cluster cannot be reached beside it.",
                     "클러스터 앞의 방화벽 뒤에 있는 것은 방화벽을 우회해 닿을 수 없습니다."},
       .why = {"A firewall that can be passed by protects nothing.",
               "우회할 수 있는 방화벽은 아무것도 보호하지 않습니다."},
       .forms =
           {{{"a public load balancer beside the firewall of {0}", "{0}의 방화벽을 우회하는 공용 부하 분산 장치"},
             {"Make it internal (annotation service.beta.kubernetes.io/azure-load-balancer-internal: \"true\"), or "
              "write loadBalancerSourceRanges with the gateway's subnet.",
              "내부용으로 바꾸거나(주석 service.beta.kubernetes.io/azure-load-balancer-internal: \"true\") "
              "loadBalancerSourceRanges에 게이트웨이의 서브넷을 쓰십시오."}}},
       .check = waf_02},
      {.id = "WAF-03",
       .severity = Severity::info,
       .source = pages::best_practices,
       .statement = {"Large sites end TLS and route outside of the nodes.",
                     "규모가 큰 사이트는 TLS 종료와 라우팅을 노드 밖에서 합니다."},
       .why = {"The controller takes processor, memory and bandwidth of the nodes.",
               "컨트롤러는 노드의 CPU, 메모리, 대역폭을 사용합니다."},
       .forms = {{{"{0} hosts, all served on the nodes", "호스트 {0}개를 모두 노드에서 처리함"},
                  {"Put an ApplicationGateway with placement: Front before the cluster.",
                   "클러스터 앞에 placement: Front인 ApplicationGateway를 두십시오."}}},
       .check = waf_03},
  };
  return rules;
}

}  // namespace bailey::plan::check
