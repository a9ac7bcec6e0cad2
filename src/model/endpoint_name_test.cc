#include "model/endpoint_name.h"

#include <gtest/gtest.h>

namespace bailey::model {
namespace {

TEST(EndpointName, ReadsWhatItPrints) {
  for (const char* text : {"pod/shop/web-0", "node/lab-default-0", "host/internet", "nic/firewall", "svc/shop/db",
                           "10.1.0.4", "fd00:1::4"}) {
    std::optional<EndpointName> name = EndpointName::parse(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->text(), text);
    EXPECT_EQ(EndpointName::parse(name->text()), name);
  }
}

TEST(EndpointName, PodsAndServicesWithoutNamespaceAreInDefault) {
  EXPECT_EQ(EndpointName::parse("pod/web")->text(), "pod/default/web");
  EXPECT_EQ(EndpointName::parse("svc/db")->ns, "default");
  EXPECT_EQ(EndpointName::parse("svc/db")->type, EndpointName::Type::service);
}

TEST(EndpointName, AddressesAreCanonical) {
  EXPECT_EQ(EndpointName::parse("::ffff:10.0.0.1")->text(), "10.0.0.1");
  EXPECT_EQ(EndpointName::parse("FD00:0::1")->text(), "fd00::1");
}

TEST(EndpointName, RefusesEverythingElse) {
  for (const char* text : {"",           "/",     "pod",       "pod/",        "pod//web", "pod/a/",      "pod/a/b/c",
                           "node/a/b",   "host/", "nic/a/b",   "service/a/b", "Pod/a/b",  "10.0.0.0/8",  "10.0.0",
                           "10.0.0.256", "web",   "pod/a b/c", "pod/a/b\n",   "[::1]",    "fe80::1%eth0"})
    EXPECT_FALSE(EndpointName::parse(text)) << text;
}

}  // namespace
}  // namespace bailey::model
