#include "ipam/sys/lease.h"

namespace bailey::ipam::sys {

std::string Owner::text() const {
  std::string of_container = "container " + container + ", " + ifname;
  if (pod_name.empty()) return of_container;
  return "pod " + pod_namespace + "/" + pod_name + " (" + of_container + ")";
}

base::Json Lease::json() const {
  base::Json out = base::Json::object();
  out.set("schema", "bailey.dev/lease/v1").set("address", address.text()).set("network", owner.network);
  out.set("container", owner.container).set("ifname", owner.ifname);
  out.set("podNamespace", owner.pod_namespace).set("podName", owner.pod_name).set("podUid", owner.pod_uid);
  out.set("netns", owner.netns).set("netnsInode", owner.netns_inode);
  out.set("nodeNetnsInode", owner.node_inode);
  return out.set("bootId", boot_id).set("time", time);
}

Lease Lease::parse(const model::Address& address, const std::string& text) {
  Lease lease;
  lease.address = address;
  if (text.empty()) {
    lease.damage = Damage::empty;
    return lease;
  }
  base::Result<base::Json> read = base::Json::parse(text);
  if (!read.ok() || !read.value().is_object()) {
    lease.damage = Damage::not_json;
    return lease;
  }
  const base::Json& json = read.value();
  lease.owner = {json["container"].as_string(),
                 json["ifname"].as_string(),
                 json["network"].as_string(),
                 json["podNamespace"].as_string(),
                 json["podName"].as_string(),
                 json["podUid"].as_string(),
                 json["netns"].as_string(),
                 static_cast<std::uint64_t>(json["netnsInode"].as_int()),
                 static_cast<std::uint64_t>(json["nodeNetnsInode"].as_int())};
  lease.boot_id = json["bootId"].as_string();
  lease.time = json["time"].as_int();
  if (lease.owner.container.empty() || lease.owner.ifname.empty())
    lease.damage = Damage::no_owner;
  else if (json["address"].as_string() != address.text())
    lease.damage = Damage::other_address;
  return lease;
}

}  // namespace bailey::ipam::sys
