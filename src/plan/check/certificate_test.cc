// The certificates were made for this test by `openssl req -x509 -newkey ec`; their keys are gone.
#include "plan/check/certificate.h"

#include <gtest/gtest.h>

#include <random>

namespace bailey::plan::check {
namespace {

// CN old.example; subjectAltName shop.example.com and *.apps.example.com
constexpr const char* with_names =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBtDCCAVqgAwIBAgIUVBg8eWqJLkfmlqcMML1Tqv2PevswCgYIKoZIzj0EAwIw\n"
    "FjEUMBIGA1UEAwwLb2xkLmV4YW1wbGUwHhcNMjYxMTI0MjAxMjUxWhcNMzYxMTIx\n"
    "MjAxMjUxWjAWMRQwEgYDVQQDDAtvbGQuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqG\n"
    "SM49AwEHA0IABFruDMfEA6ApwC0atjdsf6eFtt0UgxVSes1fKa3YelqwOkNi58su\n"
    "M7Zi43KGuPO4CceN1d1Y/jXN4oCgY0f3qeyjgYUwgYIwHQYDVR0OBBYEFHMkoDP9\n"
    "mwPgiMZTnU8uhXkMDEA5MB8GA1UdIwQYMBaAFHMkoDP9mwPgiMZTnU8uhXkMDEA5\n"
    "MA8GA1UdEwEB/wQFMAMBAf8wLwYDVR0RBCgwJoIQc2hvcC5leGFtcGxlLmNvbYIS\n"
    "Ki5hcHBzLmV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIEXQOFk+HLAXpUHI\n"
    "b457hFks3UGZ4mgBN+MwwjN+iyIJAiEA3bycGCUBQfK5Or7EjW+/fMxYPmisDRTn\n"
    "3hS+9/Bf6IM=\n"
    "-----END CERTIFICATE-----\n";

// CN plain.example.com, no subjectAltName
constexpr const char* without_names =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBjTCCATOgAwIBAgIUWrybw5UYDUxHncqSYhIy8v3trSEwCgYIKoZIzj0EAwIw\n"
    "HDEaMBgGA1UEAwwRcGxhaW4uZXhhbXBsZS5jb20wHhcNMjYxMTI0MjAxMjUxWhcN\n"
    "MjYxMTI1MjAxMjUxWjAcMRowGAYDVQQDDBFwbGFpbi5leGFtcGxlLmNvbTBZMBMG\n"
    "ByqGSM49AgEGCCqGSM49AwEHA0IABCvVfN4T3DAbxwNlnM+0mk+FNhCd9LdEYH+S\n"
    "4jbNne6rHNmvtb2uu3eflfxHLtkNog6YX7JA3M+Qu60uBfCSMK2jUzBRMB0GA1Ud\n"
    "DgQWBBSefkWUCA97U+bQXG445yCoiS3QKTAfBgNVHSMEGDAWgBSefkWUCA97U+bQ\n"
    "XG445yCoiS3QKTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIHfS\n"
    "fKb5UH+ay2Lmz5nxclTHmEjyprMierfdk2axIRpgAiEAjb7jQ7APzlUfRtdhp8SO\n"
    "hOQrw/AdklXN2tKEahFeTSY=\n"
    "-----END CERTIFICATE-----\n";

using Names = std::vector<std::string>;

TEST(Certificate, SaysItsNamesAndItsEnd) {
  std::optional<Certificate> one = read_certificate(with_names);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->names, (Names{"shop.example.com", "*.apps.example.com"})) << "the common name no longer counts";
  EXPECT_EQ(one->not_after, "2036-11-21T20:12:51Z");
  std::optional<Certificate> two = read_certificate(std::string("text before\n") + without_names + with_names);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->names, Names{"plain.example.com"}) << "the first one, which is the server's";
  EXPECT_EQ(two->not_after, "2026-11-25T20:12:51Z");
}

TEST(Certificate, WhatIsNoneIsRefused) {
  for (std::string text :
       {"", "x", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMIIBtDCC\n-----END CERTIFICATE-----"})
    EXPECT_FALSE(read_certificate(text)) << text;
}

// Any cut and any changed byte is read within bounds (the sanitizer watches) and gives a certificate or nothing.
TEST(Certificate, DamageDoesNoHarm) {
  std::mt19937 random(3);
  std::string whole = with_names;
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    read_certificate(whole.substr(0, cut) + "\n-----END CERTIFICATE-----\n");
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int round = 0; round < 20000; ++round) {
    std::string text = whole;
    for (int i = 0; i < 3; ++i) text[28 + random() % (text.size() - 60)] = letters[random() % letters.size()];
    std::optional<Certificate> read = read_certificate(text);
    if (read) {
      EXPECT_EQ(read->not_after.size(), 20u);
    }
  }
}

TEST(Certificate, NamesCoverHosts) {
  EXPECT_TRUE(name_covers("shop.example.com", "SHOP.example.com"));
  EXPECT_TRUE(name_covers("*.example.com", "shop.example.com"));
  EXPECT_TRUE(name_covers("*.example.com", "*.example.com"));
  EXPECT_FALSE(name_covers("*.example.com", "a.shop.example.com")) << "one label only";
  EXPECT_FALSE(name_covers("*.example.com", "example.com"));
  EXPECT_FALSE(name_covers("example.com", "shop.example.com"));
}

}  // namespace
}  // namespace bailey::plan::check
