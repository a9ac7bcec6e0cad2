// What people see: each document in its text form, in full.
#include "render.h"

#include <gtest/gtest.h>

#include "session_for_test.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;

Json json(std::string_view text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Json();
}

TEST(Table, AlignsByColumnsOfATerminal) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("가상 네트워크"), 13u);
  EXPECT_EQ(display_width("⇄ x"), 3u);
  EXPECT_EQ(display_width("\xff\xfe"), 2u);
  EXPECT_EQ(table({"A", "B"}, {{{"가"}, {"1"}}, {{"abc"}, {"2"}}}, false),
            "A    B\n"
            "가   1\n"
            "abc  2\n");
}

TEST(Table, LeavesOutEmptyColumnsAndTrailingSpaces) {
  EXPECT_EQ(table({"A", "B", "C"}, {{{"1"}, {""}, {"3"}}, {{"1"}}}, false), "A  C\n1  3\n1\n");
}

TEST(Table, ColoursDoNotShiftColumns) {
  std::string out = table({"A", "B"}, {{{"open", Paint::green}, {"x"}}, {{"dropped", Paint::red}, {"y"}}}, true);
  EXPECT_NE(out.find("\x1b[32mopen\x1b[0m     x\n"), std::string::npos) << out;
}

TEST(Render, Durations) {
  EXPECT_EQ(duration_text(0.4212), "0.42 ms");
  EXPECT_EQ(duration_text(412.3), "412 ms");
  EXPECT_EQ(duration_text(3210), "3.2 s");
  EXPECT_EQ(duration_text(119.0 * 60000), "119 min");
  EXPECT_EQ(duration_text(5.0 * 3600000), "5 h");
}

constexpr std::string_view status = R"({
  "name": "demo", "generation": 3, "ready": true, "seconds": 12.5, "ca_file": null,
  "hosts": [
    {"name": "fabric", "kind": "fabric", "addresses": [], "pids": {"agent": 5}},
    {"name": "host/desk", "kind": "host", "addresses": ["192.168.1.10"], "network": "office", "pids": {}},
    {"name": "host/internet", "kind": "host", "addresses": ["198.51.100.10"], "network": "internet", "pids": {}},
    {"name": "host/jump", "kind": "host", "addresses": ["10.100.1.4"], "subnet": "hub/management", "pids": {}},
    {"name": "host/odd", "kind": "host", "addresses": [], "pids": {}},
    {"name": "internet", "kind": "internet", "addresses": [], "pids": {}},
    {"name": "node/n0", "kind": "node", "addresses": ["10.240.0.4"], "subnet": "contoso/nodes", "pids": {}},
    {"name": "onprem/office", "kind": "onpremises", "addresses": [], "pids": {}}],
  "pods": [
    {"namespace": "shop", "name": "web-0", "node": "n0", "phase": "Running", "ready": true, "addresses": ["10.240.0.10"], "ports": ["80/tcp"]},
    {"namespace": "shop", "name": "web-1", "node": "n0", "phase": "Pending", "ready": false, "addresses": [], "ports": ["80/tcp"]}],
  "services": [{"namespace": "shop", "name": "web", "type": "ClusterIP", "addresses": ["10.0.0.20"], "ports": ["80/tcp"]}],
  "networks": [
    {"name": "contoso", "kind": "vnet", "prefixes": ["10.240.0.0/16"], "subnets": [{"name": "nodes", "prefixes": ["10.240.0.0/22"]}],
     "peers": [{"name": "hub", "state": "Connected"}], "gateways": []},
    {"name": "hub", "kind": "vnet", "prefixes": ["10.100.0.0/16"], "subnets": [{"name": "management", "prefixes": ["10.100.1.0/24"]}],
     "peers": [{"name": "contoso", "state": "Initiated"}],
     "gateways": [{"name": "gw", "type": "ExpressRoute", "networks": ["office"]}]},
    {"name": "office", "kind": "onpremises", "prefixes": ["192.168.0.0/16"]},
    {"name": "internet", "kind": "internet", "prefixes": []}],
  "conditions": [
    {"object": "Pod/shop/web-1", "type": "AddressAssigned", "status": false, "reason": "SubnetFull", "message": "no address is left"},
    {"object": "Pod/shop/web-0", "type": "Joined", "status": true, "reason": "", "message": ""}]
})";

TEST(Render, StatusDrawsTheTopology) {
  FakeRun fake;
  EXPECT_EQ(status_text(json(status), fake.session, false),
            "lab demo · generation 3 · ready · up 12.5 s\n"
            "\n"
            "VNet contoso             10.240.0.0/16\n"
            "├─ nodes                 10.240.0.0/22\n"
            "│  └─ node/n0            10.240.0.4\n"
            "│     ├─ pod/shop/web-0  10.240.0.10\n"
            "│     └─ pod/shop/web-1  Pending, not ready\n"
            "└─ ⇄ hub                 peering: Connected\n"
            "VNet hub                 10.100.0.0/16\n"
            "├─ management            10.100.1.0/24\n"
            "│  └─ host/jump          10.100.1.4\n"
            "├─ ⇄ contoso             peering: Initiated\n"
            "└─ ⇥ gw                  ExpressRoute → office\n"
            "on-premises office       192.168.0.0/16\n"
            "└─ host/desk             192.168.1.10\n"
            "Internet\n"
            "└─ host/internet         198.51.100.10\n"
            "elsewhere\n"
            "└─ host/odd\n"
            "\n"
            "SERVICE       TYPE       ADDRESS    PORTS\n"
            "svc/shop/web  ClusterIP  10.0.0.20  80/tcp\n"
            "\n"
            "Pod/shop/web-1: AddressAssigned (SubnetFull): no address is left\n");
}

TEST(Render, StatusWithoutPlacesGoesByAddress) {
  FakeRun fake;
  Json document = json(R"({"name":"x","generation":1,"ready":false,"seconds":0.1,
    "hosts":[{"name":"vm","kind":"host","addresses":["fd00::4"]},{"name":"web","kind":"host","addresses":["198.51.100.9"]}],
    "networks":[{"name":"v","kind":"vnet","prefixes":["fd00::/48"],"subnets":[{"name":"s","prefixes":["fd00::/64"]}]},
                {"name":"internet","kind":"internet","prefixes":[]}]})");
  EXPECT_EQ(topology(document, fake.session, false),
            "VNet v         fd00::/48\n"
            "└─ s           fd00::/64\n"
            "   └─ host/vm  fd00::4\n"
            "Internet\n"
            "└─ host/web    198.51.100.9\n");
}

TEST(Render, StatusSaysWhyThereIsNoFastPath) {
  FakeRun fake;
  Json document = json(R"({"name":"x","generation":1,"ready":true,"seconds":0.1,"networks":[],
    "fabric":{"fast_path":false,"packets":0,"off":"attach BPF program fabric_path to device 7: Invalid argument"}})");
  EXPECT_NE(status_text(document, fake.session, false)
                .find("The fabric works without its fast path: attach BPF program fabric_path to device 7"),
            std::string::npos);
  document.set("fabric", json(R"({"fast_path":true,"packets":12,"off":null})"));
  EXPECT_EQ(status_text(document, fake.session, false).find("fast path"), std::string::npos);
}

TEST(Render, StatusSaysWhatNodesAndPodsTakeOfSubnets) {
  FakeRun fake;
  Json document = json(R"({"name":"x","generation":1,"ready":true,"seconds":0.1,"networks":[],"subnets":[
    {"name":"v/nodes","family":4,"size":251,"nodes":2,"pods_reserved":20,"pods_held":4,"free":229},
    {"name":"v/nodes","family":6,"size":"18446744073709551611","nodes":2,"pods_reserved":20,"pods_held":4,
     "free":"18446744073709551589"}]})");
  std::string text = status_text(document, fake.session, false);
  EXPECT_NE(text.find("ADDRESSES OF SUBNET  FAMILY  NODES  FOR PODS  IN USE  FREE\n"
                      "v/nodes              IPv4    2      20        4       229\n"
                      "v/nodes              IPv6    2      20        4       18446744073709551589\n"),
            std::string::npos)
      << text;
}

TEST(Render, ALongNodeIsShortened) {
  FakeRun fake;
  Json document = json(R"({"hosts":[{"name":"node/n","kind":"node","addresses":[]}],"networks":[]})");
  Json pods = Json::array();
  for (int i = 0; i < 15; ++i)
    pods.push(
        Json::object().set("namespace", "a").set("name", "p" + std::to_string(i)).set("node", "n").set("ready", true));
  document.set("pods", pods);
  std::string text = topology(document, fake.session, false);
  EXPECT_NE(text.find("pod/a/p11"), std::string::npos);
  EXPECT_EQ(text.find("pod/a/p12"), std::string::npos);
  EXPECT_NE(text.find("and 3 more"), std::string::npos);
}

TEST(Render, Probes) {
  FakeRun fake;
  Json document = json(R"({"rows":[
    {"id":"a","from":"pod/shop/web","to":"host/desk","port":"80/tcp","result":"open","source_seen":"10.240.0.10","answered_by":"host/desk","dropped_at":null,"rtt_us":420},
    {"id":"b","from":"host/stray","to":"host/desk","port":"80/tcp","result":"dropped","source_seen":"","answered_by":"","dropped_at":{"host":"fabric","component":"route","reason":"no-route","object":"VirtualNetwork/lone"},"rtt_us":null}]})");
  EXPECT_EQ(probe_text(document, fake.session, false),
            "ID  FROM          TO         PORT    RESULT   SOURCE SEEN  ANSWERED BY  TIME     DROPPED AT\n"
            "a   pod/shop/web  host/desk  80/tcp  open     10.240.0.10  host/desk    0.42 ms\n"
            "b   host/stray    host/desk  80/tcp  dropped                                     fabric: no-route "
            "(VirtualNetwork/lone)\n"
            "1 open, 1 dropped\n");
  EXPECT_EQ(probe_text(json(R"({"rows":[]})"), fake.session, false), "There is nothing to probe.\n");
}

TEST(Render, TwoLabsSideBySide) {
  Json document = json(R"({"labs":[
    {"name":"v","clusters":[{"name":"c","network_model":"vnet"}],"subnets":[
      {"name":"net/nodes","family":4,"size":251,"nodes":2,"pods_reserved":22,"pods_held":3,"free":227}]},
    {"name":"k","clusters":[{"name":"c","network_model":"kubenet"}],"subnets":[]}],
   "rows":[{"from":"pod/default/a","to":"host/vm","port":"80/tcp","answers":[
      {"lab":"v","result":"open","source_seen":"10.0.0.9","hops":2,"rtt_us":250,"dropped_at":null},
      {"lab":"k","result":"dropped","source_seen":null,"hops":null,"rtt_us":null,"dropped_at":null}]}]})");
  FakeRun fake;
  EXPECT_EQ(compare_text(document, fake.session, false),
            "FROM           TO       PORT    v     SOURCE SEEN  HOPS  TIME     k\n"
            "pod/default/a  host/vm  80/tcp  open  10.0.0.9     2     0.25 ms  dropped\n"
            "v (vnet): of net/nodes, IPv4, nodes take 2 addresses and pods 22 (3 in use); 227 are free.\n");
}

TEST(Render, ConnectionsLabsAndRoutes) {
  FakeRun fake;
  EXPECT_EQ(connections_text(json(R"({"connections":[{"id":"c1","state":"cut","reason":"peering removed"}]})"),
                             fake.session, false),
            "ID  STATE  REASON\nc1  cut    peering removed\n");
  EXPECT_EQ(
      labs_text(json(R"({"labs":[{"name":"default","pid":12,"pods":3,"hosts":5,"seconds":3}]})"), fake.session, false),
      "LAB      HOSTS  PODS  UP FOR  PID\ndefault  5      3     3.0 s   12\n");
  EXPECT_EQ(
      route_text(
          json(
              R"({"from":"nic/vm","to":"192.168.1.10","next_hop_type":"VirtualAppliance","next_hop_address":"10.100.2.4","source":"User","prefix":"192.168.0.0/16"})"),
          fake.session),
      "from nic/vm to 192.168.1.10: VirtualAppliance 10.100.2.4\n  by 192.168.0.0/16 (User)\n");
}

TEST(Render, KoreanHasKoreanWords) {
  FakeRun fake;
  fake.session.lang = base::Lang::ko;
  std::string text = status_text(json(status), fake.session, false);
  for (const char* word : {"가상 네트워크 contoso", "온-프레미스 office", "인터넷", "피어링: Connected", "준비됨"})
    EXPECT_NE(text.find(word), std::string::npos) << word;
}

}  // namespace
}  // namespace bailey::cli
