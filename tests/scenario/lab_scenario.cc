// The main job on real packets: manifests become a network, and answers come from it.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/strings.h"
#include "harness.h"

namespace bailey::scenario {
namespace {

class LabScenario : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
    before_ = machine_state();
  }
  void TearDown() override {
    if (is_root()) EXPECT_EQ(machine_state(), before_) << "a lab changed the machine itself";
  }
  std::string before_;
};

std::string why(const Outcome& outcome) { return outcome.err + outcome.out; }

std::string address_of(const base::Json& status, const char* list, const std::string& name, bool v6) {
  for (const base::Json& entry : status[list].items()) {
    if (entry["name"].as_string() != name) continue;
    for (const base::Json& address : entry["addresses"].items())
      if ((address.as_string().find(':') != std::string::npos) == v6) return address.as_string();
  }
  return "";
}

std::string first_pod(const base::Json& status, std::size_t index = 0) {
  const base::Json::Array& pods = status["pods"].items();
  if (index >= pods.size()) return "";
  return "pod/" + pods[index]["namespace"].as_string() + "/" + pods[index]["name"].as_string();
}

std::string pod_on_other_node(const base::Json& status) {
  const base::Json::Array& pods = status["pods"].items();
  for (std::size_t i = 1; i < pods.size(); ++i)
    if (pods[i]["node"].as_string() != pods[0]["node"].as_string()) return first_pod(status, i);
  return "";
}

std::uint64_t packets_received(const Lab& lab, const std::string& host) {
  std::string text = lab.exec(host, {"cat", "/proc/net/dev"}).out;
  std::size_t at = text.find("eth0:");
  if (at == std::string::npos) return 0;
  std::string numbers = text.substr(at + 5);
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  return sscanf(numbers.c_str(), "%lu %lu", &bytes, &packets) == 2 ? packets : 0;
}

// --- the same statements in every address family --------------------------------------------------------------

class FamilyScenario : public LabScenario, public ::testing::WithParamInterface<std::string> {
 protected:
  std::vector<int> families() const {
    if (GetParam() == "ipv4") return {4};
    if (GetParam() == "ipv6") return {6};
    return {4, 6};
  }
};
INSTANTIATE_TEST_SUITE_P(Families, FamilyScenario, ::testing::Values("ipv4", "ipv6", "dual"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(FamilyScenario, WhoReachesWhomAndWhoIsSeen) {
  Lab lab(unique_name("families-" + GetParam()));
  Outcome up = lab.up({"-f", source_path("examples/families/" + GetParam())});
  ASSERT_EQ(up.status, 0) << why(up);
  base::Json status = lab.ask("status").json();
  ASSERT_TRUE(status["ready"].as_bool()) << status.dump(2);
  std::string pod = first_pod(status);
  std::string other = pod_on_other_node(status);
  ASSERT_FALSE(other.empty()) << status["pods"].dump(2);
  std::string pod_name = pod.substr(pod.rfind('/') + 1);

  for (int family : families()) {
    SCOPED_TRACE(family);
    std::string own = address_of(status, "pods", pod_name, family == 6);
    ASSERT_FALSE(own.empty());
    std::string pod_port = status["pods"].items()[0]["ports"].items()[0].as_string();
    for (const std::string& to : {std::string("host/jump"), std::string("host/desk"), std::string("host/vm")}) {
      base::Json row = lab.probe(pod, to, "80/tcp", family);
      EXPECT_EQ(row["result"].as_string(), "open") << to << row.dump();
      EXPECT_EQ(row["source_seen"].as_string(), own) << "the far end sees the pod's own address: " << row.dump();
      EXPECT_EQ(row["answered_by"].as_string(), to);
      EXPECT_GT(row["rtt_us"].as_int(), 0);
    }
    base::Json peer = lab.probe(other, pod, pod_port, family);
    EXPECT_EQ(peer["source_seen"].as_string(),
              address_of(status, "pods", other.substr(other.rfind('/') + 1), family == 6))
        << peer.dump();
    for (const std::string& from : {std::string("host/jump"), std::string("host/desk")}) {
      base::Json in = lab.probe(from, pod, pod_port, family);
      EXPECT_EQ(in["result"].as_string(), "open") << "pods are reached directly: " << in.dump();
      EXPECT_EQ(in["answered_by"].as_string(), pod);
    }
    base::Json out = lab.probe(pod, "host/internet", "80/tcp", family);
    EXPECT_EQ(out["result"].as_string(), "open") << out.dump();
    std::string seen = out["source_seen"].as_string();
    EXPECT_NE(seen, own);
    bool known = false;
    for (const base::Json& network : status["networks"].items())
      for (const base::Json& address : network["outbound_addresses"].items())
        known = known || address.as_string() == seen;
    EXPECT_TRUE(known) << "the Internet sees the public address: " << out.dump();

    base::Json stray = lab.probe(pod, "host/stray", "80/tcp", family);
    EXPECT_EQ(stray["result"].as_string(), "dropped") << "not peered: " << stray.dump();
    EXPECT_EQ(stray["dropped_at"]["reason"].as_string(), "peering-missing") << stray.dump();
    EXPECT_EQ(lab.probe("host/internet", pod, pod_port, family)["result"].as_string(), "dropped");

    base::Json udp = lab.probe(pod, "host/jump", "53/udp", family);
    EXPECT_EQ(udp["result"].as_string(), "open") << udp.dump();
    EXPECT_EQ(udp["source_seen"].as_string(), own);
    EXPECT_EQ(lab.probe(pod, "host/jump", "icmp", family)["result"].as_string(), "open");
    EXPECT_EQ(lab.probe(pod, "host/jump", "81/tcp", family)["result"].as_string(), "refused");
    EXPECT_EQ(lab.probe(pod, "host/jump", "81/udp", family)["result"].as_string(), "refused");
  }
  base::Json fabric = lab.ask("status").json()["fabric"];
  EXPECT_EQ(fabric["fast_path"].as_bool(), fabric["off"].is_null()) << fabric.dump();
  EXPECT_TRUE(!fabric["fast_path"].as_bool() || fabric["packets"].as_int() > 0) << fabric.dump();
}

TEST_P(FamilyScenario, AUserDefinedRouteIsReallyWalked) {
  Lab lab(unique_name("udr-" + GetParam()));
  Outcome up = lab.up({"-f", source_path("examples/families/" + GetParam())});
  ASSERT_EQ(up.status, 0) << why(up);
  for (int family : families()) {
    SCOPED_TRACE(family);
    std::uint64_t before = packets_received(lab, "host/appliance");
    base::Json row = lab.probe("host/vm", "host/desk", "80/tcp", family);
    EXPECT_EQ(row["result"].as_string(), "open") << row.dump();
    std::uint64_t through = packets_received(lab, "host/appliance");
    EXPECT_GE(through, before + 3) << "the packets to on-premises pass the appliance";
    EXPECT_EQ(lab.probe("host/vm", "host/jump", "80/tcp", family)["result"].as_string(), "open");
    EXPECT_LE(packets_received(lab, "host/appliance"), through + 2) << "others do not";
  }
}

TEST_P(FamilyScenario, OneDirectionOfAPeeringIsNotEnough) {
  Lab lab(unique_name("peering-" + GetParam()));
  Outcome up = lab.up({"-f", source_path("examples/families/" + GetParam())});
  ASSERT_EQ(up.status, 0) << why(up);
  std::string pod = first_pod(lab.ask("status").json());
  int family = families()[0];
  base::Json held = lab.ask("conn", {"open", "c1", "--from", pod, "--to", "host/jump", "--port", "80/tcp"}).json();
  EXPECT_EQ(held["connections"].items().at(0)["state"].as_string(), "open") << held.dump();

  Outcome gone = lab.ask("delete", {"NetworkPeering/hub-to-spoke"});
  ASSERT_EQ(gone.status, 0) << why(gone);
  for (const auto& [from, to] : {std::pair<std::string, std::string>{pod, "host/jump"}, {"host/jump", pod}}) {
    std::string port =
        to == pod ? lab.ask("status").json()["pods"].items()[0]["ports"].items()[0].as_string() : "80/tcp";
    base::Json row = lab.probe(from, to, port, family);
    EXPECT_EQ(row["result"].as_string(), "dropped") << row.dump();
    EXPECT_EQ(row["dropped_at"]["reason"].as_string(), "peering-initiated") << row.dump();
    EXPECT_EQ(row["dropped_at"]["object"].as_string(), "NetworkPeering/spoke-to-hub") << row.dump();
  }
  EXPECT_EQ(lab.probe(pod, "host/desk", "80/tcp", family)["result"].as_string(), "dropped")
      << "the gateway was the peer's";
  base::Json cut = lab.ask("conn", {"send", "c1"}).json();
  EXPECT_EQ(cut["connections"].items().at(0)["state"].as_string(), "cut") << cut.dump();
}

// --- the lab itself ------------------------------------------------------------------------------------------

TEST_F(LabScenario, TwoLabsWithTheSameAddressesRunSideBySide) {
  Lab one(unique_name("side-a"));
  Lab two(unique_name("side-b"));
  std::string example = source_path("examples/families/ipv4");
  ASSERT_EQ(one.up({"-f", example}).status, 0);
  ASSERT_EQ(two.up({"-f", example}).status, 0);
  ASSERT_EQ(two.ask("delete", {"NetworkPeering/hub-to-spoke"}).status, 0);
  std::string pod = first_pod(one.ask("status").json());
  EXPECT_EQ(one.probe(pod, "host/jump", "80/tcp")["result"].as_string(), "open");
  EXPECT_EQ(two.probe(pod, "host/jump", "80/tcp")["result"].as_string(), "dropped");
  base::Json labs = bailey({"lab", "list", "-o", "json"}).json();
  int found = 0;
  for (const base::Json& row : labs["labs"].items())
    found += row["name"].as_string() == one.name() || row["name"].as_string() == two.name();
  EXPECT_EQ(found, 2) << labs.dump();
}

TEST_F(LabScenario, ApplyAddsAPodThatAnswersWhenItReturns) {
  Lab lab(unique_name("apply"));
  Folder folder;
  std::string file = folder.write(
      "pod.yaml",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: extra}\n"
      "spec: {containers: [{name: c, ports: [{containerPort: 8080}, {containerPort: 9000, protocol: SCTP}]}]}\n");
  ASSERT_EQ(lab.up({"-f", source_path("examples/families/ipv4")}).status, 0);
  Outcome applied = lab.ask("apply", {"-f", file});
  ASSERT_EQ(applied.status, 0) << why(applied);
  EXPECT_GT(applied.json()["generation"].as_int(), 0);
  base::Json row = lab.probe("host/jump", "pod/default/extra", "8080/tcp");
  EXPECT_EQ(row["answered_by"].as_string(), "pod/default/extra") << row.dump();
  base::Json sctp = lab.probe("host/jump", "pod/default/extra", "9000/sctp");
  EXPECT_EQ(sctp["result"].as_string(), "open") << sctp.dump();
  EXPECT_EQ(sctp["answered_by"].as_string(), "pod/default/extra");
  ASSERT_EQ(lab.ask("delete", {"Pod/default/extra"}).status, 0);
  EXPECT_EQ(lab.ask("probe", {"--from", "host/jump", "--to", "pod/default/extra", "--port", "8080/tcp"}).status, 2);
}

TEST_F(LabScenario, HttpAnswersSayWhoAnsweredAndWhomItSaw) {
  Lab lab(unique_name("http"));
  ASSERT_EQ(lab.up({"-f", source_path("examples/families/ipv4")}).status, 0);
  base::Json status = lab.ask("status").json();
  std::string pod = status["pods"].items()[0]["name"].as_string();
  std::string port;
  for (const base::Json& each : status["pods"].items()[0]["ports"].items())
    if (each.as_string().ends_with("/tcp")) port = each.as_string();
  ASSERT_FALSE(port.empty());
  std::string url =
      "http://" + address_of(status, "pods", pod, false) + ":" + port.substr(0, port.find('/')) + "/shop?x=1";
  Outcome curl = lab.exec("host/jump", {"curl", "-s", "-m", "5", "-H", "X-Test: yes", "-d", "body", url});
  ASSERT_EQ(curl.status, 0) << why(curl);
  base::Json answer = curl.json();
  EXPECT_EQ(answer["pod"].as_string(), pod);
  EXPECT_EQ(answer["client_address"].as_string(), address_of(status, "hosts", "host/jump", false));
  EXPECT_EQ(answer["method"].as_string(), "POST");
  EXPECT_EQ(answer["path"].as_string(), "/shop?x=1");
  EXPECT_EQ(answer["headers"]["x-test"].as_string(), "yes");
  EXPECT_FALSE(answer["node"].as_string().empty());
}

TEST_F(LabScenario, ExecRunsInTheEndpointAndReturnsItsStatus) {
  Lab lab(unique_name("exec"));
  ASSERT_EQ(lab.up({"-f", source_path("examples/families/ipv4")}).status, 0);
  std::string pod = first_pod(lab.ask("status").json());
  EXPECT_EQ(lab.exec(pod, {"sh", "-c", "exit 7"}).status, 7);
  Outcome links = lab.exec(pod, {"ip", "-br", "address"});
  EXPECT_NE(links.out.find("eth0"), std::string::npos) << why(links);
  EXPECT_EQ(base::trim(lab.exec("host/jump", {"hostname"}).out), "jump");
  EXPECT_EQ(lab.exec("pod/no/such", {"true"}).status, 2);
  Outcome missing = lab.exec(pod, {"no-such-program"});
  EXPECT_NE(missing.status, 0);
  EXPECT_NE(missing.err.find("no-such-program"), std::string::npos) << missing.err;
}

TEST_F(LabScenario, AHostWhoseProcessDiesComesBack) {
  Lab lab(unique_name("agent"));
  ASSERT_EQ(lab.up({"-f", source_path("examples/families/ipv4")}).status, 0);
  std::string pod = first_pod(lab.ask("status").json());
  std::string node = lab.ask("status").json()["pods"].items()[0]["node"].as_string();
  std::string port = lab.ask("status").json()["pods"].items()[0]["ports"].items()[0].as_string();
  base::Json status = lab.ask("status").json();
  for (const std::string& host : {"node/" + node, std::string("host/jump"), std::string("fabric")}) {
    for (const base::Json& row : status["hosts"].items()) {
      if (row["name"].as_string() != host) continue;
      std::string pid = std::to_string(row["pids"]["agent"].as_int());
      ASSERT_EQ(lab.exec("fabric", {"kill", "-9", pid}).status, 0) << host;
    }
  }
  base::Json row;
  for (int i = 0; i < 50; ++i) {
    row = lab.probe("host/jump", pod, port);
    if (row["result"].as_string() == "open") break;
    usleep(20000);
  }
  EXPECT_EQ(row["result"].as_string(), "open") << "the pods are taken up again: " << row.dump();
}

TEST_F(LabScenario, AfterDownNothingIsLeft) {
  std::string name = unique_name("down");
  Lab lab(name);
  ASSERT_EQ(lab.up({"-f", source_path("examples/contoso")}).status, 0);
  EXPECT_FALSE(bailey_leftovers(name).processes.empty());
  ASSERT_EQ(lab.ask("down").status, 0);
  EXPECT_TRUE(bailey_leftovers(name).processes.empty());
  EXPECT_NE(access(("/run/bailey/lab/" + name + ".lock").c_str(), F_OK), 0);
  EXPECT_EQ(lab.ask("status").status, 2) << "a lab that does not run is named as such";
}

TEST_F(LabScenario, ManifestsAloneAreEnough) {
  Lab lab(unique_name("pipe"));
  std::string manifests = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 8080}]}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {minAvailable: 1}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: frontend, port: {number: 80}}}}
)";
  Outcome up = lab.up({"--fill", "-f", "-"}, manifests);
  ASSERT_EQ(up.status, 0) << why(up);
  base::Json answer = up.json();
  EXPECT_NE(answer.dump().find("Service/shop/frontend"), std::string::npos)
      << "what is made is listed: " << answer["made"].dump();
  EXPECT_NE(answer.dump().find("PodDisruptionBudget"), std::string::npos) << "unknown kinds are counted";
  base::Json row = lab.probe("pod/shop/web-0", "pod/shop/web-1", "8080/tcp");
  EXPECT_EQ(row["result"].as_string(), "open") << row.dump();
}

TEST_F(LabScenario, ThePrintedTextsOfTheGuidanceAreTaken) {
  Lab lab(unique_name("seed"));
  Outcome up = lab.up({"--fill", "-f", source_path("examples/seed/ingress.yaml"), "-f",
                       source_path("examples/seed/network-policy.yaml")});
  ASSERT_EQ(up.status, 0) << why(up);
  Outcome check = bailey({"check", "-f", source_path("examples/seed/ingress.yaml")});
  EXPECT_NE(check.status, 0);
  EXPECT_NE((check.out + check.err).find("ingress.yaml:"), std::string::npos) << why(check);
  Outcome fixed = bailey({"check", "--fix", "-f", source_path("examples/seed/ingress.yaml")});
  Folder folder;
  std::string file = folder.write("fixed.yaml", fixed.out);
  Outcome again = bailey({"check", "--profile", "classic", "-f", file});
  EXPECT_EQ(again.status, 0) << fixed.out << why(again);
}

TEST_F(LabScenario, WithoutRootTheNeedIsNamedInOneLine) {
  if (access("/usr/bin/setpriv", X_OK) != 0) GTEST_SKIP() << "setpriv is missing";
  Outcome outcome =
      run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
           std::string(BAILEY_BINARY_DIR) + "/bin/bailey", "lab", "up", "-f", source_path("examples/families/ipv4")});
  if (outcome.status == 127 || outcome.status == 126) GTEST_SKIP() << "the build folder cannot be read by others";
  EXPECT_EQ(outcome.status, 3) << why(outcome);
  EXPECT_NE(outcome.err.find("root"), std::string::npos) << outcome.err;
  EXPECT_LE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
}

}  // namespace
}  // namespace bailey::scenario
