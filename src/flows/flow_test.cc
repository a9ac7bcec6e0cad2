#include "flows/flow.h"

#include <gtest/gtest.h>

namespace bailey::flows {
namespace {

Flow denied() {
  Flow flow;
  flow.time_ns = 1769850000'000000123;
  flow.node = "a";
  flow.event = Flow::Event::deny;
  flow.source = "pod/shop/web-0";
  flow.source_address = *model::Address::parse("10.0.0.4");
  flow.destination = "pod/shop/db-0";
  flow.destination_address = *model::Address::parse("10.0.0.5");
  flow.port = {5432, model::Protocol::tcp};
  flow.allow = false;
  flow.reason = "policy-ingress";
  flow.object = "NetworkPolicy/shop/db";
  flow.bytes = 60;
  flow.packets = 1;
  return flow;
}

TEST(Flow, JsonIsTheEventOfTheContract) {
  EXPECT_EQ(to_json(denied()).dump(),
            R"({"schema":"bailey.dev/event/v1","time":"2026-01-31T09:00:00.000000123Z","node":"a",)"
            R"("component":"policy","kind":"flow","event":"deny","source":"pod/shop/web-0",)"
            R"("source_address":"10.0.0.4","destination":"pod/shop/db-0","destination_address":"10.0.0.5",)"
            R"("port":"5432/tcp","direction":"ingress","verdict":"deny","reason":"policy-ingress",)"
            R"("object":"NetworkPolicy/shop/db","rule":"","bytes":60,"packets":1})");
}

TEST(Flow, JsonReadsBack) {
  Flow flow = denied();
  flow.rule = "spec.ingress[0]";
  flow.direction = Flow::Direction::egress;
  flow.port = {0, model::Protocol::icmp};
  base::Json json = to_json(flow);
  auto back = flow_of(json);
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->time_ns, flow.time_ns);
}

TEST(Flow, WhatIsNoFlowIsRefused) {
  for (const char* key : {"schema", "time", "kind", "event", "source_address", "port", "direction", "verdict"}) {
    base::Json json = to_json(denied());
    json.set(key, "x");
    EXPECT_FALSE(flow_of(json)) << key;
  }
  EXPECT_FALSE(flow_of({}));
}

TEST(Flow, TimesReadWithAndWithoutFraction) {
  EXPECT_EQ(time_of("1970-01-01T00:00:01Z"), 1'000'000'000);
  EXPECT_EQ(time_of("1970-01-01T00:00:01.5Z"), 1'500'000'000);
  for (const char* text : {"", "1970-01-01", "1970-01-01T00:00:01", "1970-02-30T00:00:01Z", "1970-01-01T00:00:01.Z",
                           "1970-01-01T00:00:01.1234567890Z", "1970-01-01T24:00:01Z", "1970-01-01 00:00:01Z"})
    EXPECT_FALSE(time_of(text)) << text;
}

TEST(Flow, FiltersByNameStartAndBlock) {
  Flow flow = denied();
  auto from = [&](const char* text) {
    Filter filter;
    filter.from = EndFilter::parse(text);
    return filter.from && filter.matches(flow);
  };
  for (const char* text : {"pod/shop/web-0", "pod/shop/*", "pod/shop/web*", "pod/*", "*", "10.0.0.4", "10.0.0.0/24"})
    EXPECT_TRUE(from(text)) << text;
  for (const char* text : {"pod/shop/web", "pod/other/*", "node/*", "10.0.0.5", "fd00::/8"})
    EXPECT_FALSE(from(text)) << text;
  for (const char* text : {"", "shop/web", "pod/*/web*", "10.0.0.300", "web*"})
    EXPECT_FALSE(EndFilter::parse(text)) << text;
}

TEST(Flow, FiltersByVerdictReasonAndPort) {
  Filter filter;
  filter.allow = false;
  filter.reason = "policy-ingress";
  filter.port = model::Port{5432, model::Protocol::tcp};
  filter.to = EndFilter::parse("pod/shop/db-0");
  EXPECT_TRUE(filter.matches(denied()));
  filter.port = model::Port{5432, model::Protocol::udp};
  EXPECT_FALSE(filter.matches(denied()));
  filter.port.reset();
  filter.reason = "other";
  EXPECT_FALSE(filter.matches(denied()));
  filter.reason.clear();
  filter.allow = true;
  EXPECT_FALSE(filter.matches(denied()));
}

TEST(Flow, LineHasColumns) {
  EXPECT_EQ(line_of(denied(), "deny"),
            "09:00:00.000  pod/shop/web-0           -> pod/shop/db-0 5432/tcp            deny   policy-ingress    "
            "NetworkPolicy/shop/db                     60 B");
}

}  // namespace
}  // namespace bailey::flows
