// What taking and giving back an address costs, on a file system in memory, as /run is.
#include <stdlib.h>

#include <cstdio>
#include <filesystem>

#include "figures.h"
#include "io/loop.h"
#include "ipam/sys/leases.h"

namespace {

using namespace bailey;
using ipam::sys::Leases;

constexpr int runs = 2000;

ipam::sys::Owner owner(const std::string& container) {
  return {container, "eth0", "net", "shop", "web-" + container, "uid", "/run/netns/" + container, 4026532345};
}

[[noreturn]] void stop(const base::Error& error) {
  std::fprintf(stderr, "bench ipam: %s\n", error.text().c_str());
  std::exit(1);
}

template <typename T>
T expect(base::Result<T> result) {
  if (!result.ok()) stop(result.error());
  return std::move(result).value();
}

// What ADD and DEL do with the address book, each as a process of its own would: opened anew.
void add(const std::string& folder, const ipam::Pool& pool, const ipam::sys::Owner& owner) {
  Leases leases = expect(Leases::open(folder));
  ipam::sys::Lock pod = expect(leases.lock_pod(owner));
  ipam::sys::Lock container = expect(leases.lock(owner.container));
  expect(leases.older_sandbox(owner));
  expect(leases.allocate(pool, owner, {}));
}

void del(const std::string& folder, const std::string& container) {
  Leases leases = expect(Leases::open_existing(folder));
  ipam::sys::Lock lock = expect(leases.lock(container));
  expect(leases.release(container, "eth0"));
}

struct Case {
  const char* name;
  std::vector<std::string> pool;
  int held;
};

struct Times {
  double add;
  double del;
  double alone;  // taking and giving back, without opening the book and its locks
};

Times measure(const Case& each) {
  char name[] = "/dev/shm/bailey-bench-ipam-XXXXXX";
  if (!::mkdtemp(name)) stop(base::system_error("create folder", name, errno));
  ipam::Pool pool = expect(ipam::Pool::parse(each.pool));
  for (int i = 0; i < each.held; ++i) add(name, pool, owner("held" + std::to_string(i)));
  std::vector<double> adds;
  std::vector<double> dels;
  for (int run = 0; run < runs; ++run) {
    std::string container = "c" + std::to_string(run);
    std::int64_t start = io::now_ns();
    add(name, pool, owner(container));
    std::int64_t middle = io::now_ns();
    del(name, container);
    adds.push_back(static_cast<double>(middle - start) / 1e3);
    dels.push_back(static_cast<double>(io::now_ns() - middle) / 1e3);
  }
  std::vector<double> alone;
  Leases leases = expect(Leases::open(name));
  for (int run = 0; run < runs; ++run) {
    ipam::sys::Owner one = owner("d" + std::to_string(run));
    std::int64_t start = io::now_ns();
    expect(leases.allocate(pool, one, {}));
    expect(leases.release(one.container, one.ifname));
    alone.push_back(static_cast<double>(io::now_ns() - start) / 1e3);
  }
  std::filesystem::remove_all(name);
  return {bench::median(adds), bench::median(dels), bench::median(alone)};
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report("ipam", argc, argv);
  const std::vector<Case> cases = {
      {"1 lease", {"10.0.0.0/16"}, 1},
      {"1,000 leases", {"10.0.0.0/16"}, 1000},
      {"1,000 leases, both families", {"10.0.0.0/16", "fd00::/64"}, 1000},
      {"1,000 leases, 22 addresses left", {"10.0.0.0-10.0.3.253"}, 1000},
      {"29 leases, 1 address left", {"10.0.0.1-10.0.0.30"}, 29},
  };
  for (const Case& each : cases) {
    Times times = measure(each);
    report.add({std::string("take, ") + each.name, "us", times.add, "", {}, runs});
    report.add({std::string("give back, ") + each.name, "us", times.del, "", {}, runs});
    report.add({std::string("both, book open, ") + each.name, "us", times.alone, "", {}, runs});
  }
  return 0;
}
