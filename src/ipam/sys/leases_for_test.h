// A lease folder that goes with the test, and a clock that the test moves.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/fd.h"
#include "ipam/sys/leases.h"

namespace bailey::ipam::sys {

class LeaseFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/bailey-ipam-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static model::Address address(const std::string& text) { return model::Address::parse(text).value(); }
  static std::vector<model::Address> addresses(const std::vector<std::string>& texts) {
    std::vector<model::Address> out;
    for (const std::string& text : texts) out.push_back(address(text));
    return out;
  }
  static Owner owner(const std::string& container, const std::string& ifname = "eth0") {
    return {container, ifname, "net", "shop", "web-" + container, "", "", 0};
  }

  // No rest by default, so that tests see which address is next.
  Options options(int cool_down_s = 0) {
    return {cool_down_s, [this] { return now_s_ * 1'000'000'000; }};
  }
  Leases open(int cool_down_s = 0) { return std::move(Leases::open(folder_, options(cool_down_s))).value(); }

  static std::vector<std::string> texts(const std::vector<Lease>& leases) {
    std::vector<std::string> out;
    for (const Lease& lease : leases) out.push_back(lease.address.text());
    return out;
  }
  std::vector<std::string> held() { return texts(open().list().value()); }
  std::vector<std::string> cooling(int cool_down_s = 30) { return texts(open(cool_down_s).cooling().value()); }

  // What lies in the folder besides the lock and the hints.
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      std::string name = entry.path().filename().string();
      if (entry.is_directory() && !entry.is_symlink()) continue;
      if (name != ".lock" && !name.starts_with(".last-"))
        out.push_back(entry.path().string().substr(folder_.size() + 1));
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  bool exists(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(folder_ + "/" + name));
  }
  std::string content(const std::string& name) const { return io::read_file(folder_ + "/" + name).value(); }
  // In place: a file's other names see it too.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::trunc) << text;
  }
  // Rewrites a lease in place as if it were of an earlier boot.
  void make_old(const std::string& name) const {
    std::string text = content(name);
    std::size_t at = text.find("\"bootId\":\"") + 10;
    write(name, text.replace(at, 8, "00000000"));
  }

  std::string folder_;
  std::int64_t now_s_ = 1'700'000'000;
  Pool pool_ = Pool::parse({"10.0.0.0/29", "fd00::/126"}).value();  // five v4, two v6
  Pool v4_ = Pool::parse({"10.0.0.10-10.0.0.12"}).value();
};

}  // namespace bailey::ipam::sys
