// Deployments, StatefulSets, DaemonSets and Jobs become Pods, as their controllers in Kubernetes do it, with names
// that can be foreseen: NAME-0, NAME-1, ... and NAME-NODE. A pod is not yet placed here, but one of a DaemonSet.
//
// Files may hold the pods of a workload besides the workload itself (what a running cluster prints): these count
// as its replicas and nothing is made twice.
#include <algorithm>

#include "base/strings.h"
#include "lab/controllers/draft.h"

namespace bailey::lab::controllers {
namespace {

using model::Node;
using model::Pod;
using model::Workload;

constexpr std::size_t pods_limit = 10000;  // of a lab: more is a slip of the keyboard

class Expander {
 public:
  explicit Expander(Draft& draft) : draft_(draft), pods_(draft.now().all<Pod>().size()) {
    for (const auto& pod : draft.now().all<Pod>()) taken_.insert({pod->meta.ns, pod->meta.name});
  }

  void expand(const Workload& workload) {
    std::string cluster = draft_.tell_cluster_of(workload.meta);
    switch (workload.meta.kind) {
      case Kind::DaemonSet: return expand_daemon_set(workload, cluster);
      case Kind::StatefulSet: return expand_stateful_set(workload);
      default: return expand_replicas(workload);
    }
  }

 private:
  // Deployments and Jobs share their pods' names with StatefulSets, which have the older right to them.
  std::string prefix(const Workload& workload) const {
    auto exists = [&](Kind kind) {
      return draft_.now().find<Workload>({kind, workload.meta.ns, workload.meta.name}) != nullptr;
    };
    std::string plain = workload.meta.name + "-";
    bool stateful = exists(Kind::StatefulSet);
    if (workload.meta.kind == Kind::Deployment) return stateful ? plain + "d" : plain;
    return stateful || exists(Kind::Deployment) ? plain + "j" : plain;
  }

  bool is_of(const Pod& pod, const Workload& workload) const {
    if (pod.owner && *pod.owner == workload.meta.ref()) return true;
    if (workload.meta.kind != Kind::Deployment || workload.selector.empty()) return false;
    // What a ReplicaSet made carries this label; the ReplicaSet itself is not read.
    return pod.meta.labels.contains("pod-template-hash") && workload.selector.matches(pod.meta.labels);
  }

  std::vector<const Pod*> given_pods(const Workload& workload) const {
    std::vector<const Pod*> out;
    const auto& pods = draft_.now().all<Pod>();
    const std::string& ns = workload.meta.ns;
    for (auto at = pods.lower({Kind::Pod, ns, ""}); at != pods.end() && (*at)->meta.ns == ns; ++at)
      if (!(*at)->meta.generated && is_of(**at, workload)) out.push_back(at->get());
    return out;
  }

  bool room(const Workload& workload) {
    if (pods_ < pods_limit) return true;
    if (told_.insert(workload.meta.ref()).second)
      draft_.condition(workload.meta.ref(), "Accepted", "TooManyPods",
                       {"controllers.too-many-pods", {workload.meta.ref().text(), std::to_string(pods_limit)}});
    return false;
  }

  std::shared_ptr<Pod> make(const Workload& workload, const std::string& pod_name) {
    auto pod = draft_.generate<Pod>(Kind::Pod, workload.meta.ns, pod_name, false);
    pod->meta.labels = workload.template_labels;
    pod->meta.annotations = workload.template_annotations;
    pod->meta.source = workload.meta.source;
    auto cluster = workload.meta.labels.find(cluster_label);
    if (cluster != workload.meta.labels.end()) pod->meta.labels[cluster_label] = cluster->second;
    pod->spec = workload.pod;
    pod->owner = workload.meta.ref();
    auto pinned = workload.template_annotations.find("bailey.dev/addresses");
    if (pinned != workload.template_annotations.end())
      for (std::string_view part : base::split(pinned->second, ','))
        if (auto address = Address::parse(base::trim(part))) pod->pinned_addresses.push_back(*address);
    taken_.insert({workload.meta.ns, pod_name});
    ++pods_;
    return pod;
  }

  void expand_stateful_set(const Workload& workload) {
    for (std::uint32_t i = 0; i < workload.replicas; ++i) {
      std::string pod_name = workload.meta.name + "-" + std::to_string(i);
      if (taken_.contains({workload.meta.ns, pod_name})) continue;  // it was given: that is this one
      if (!room(workload)) return;
      auto pod = make(workload, pod_name);
      pod->meta.labels["statefulset.kubernetes.io/pod-name"] = pod_name;
      pod->meta.labels["apps.kubernetes.io/pod-index"] = std::to_string(i);
      draft_.put(pod);
    }
  }

  void expand_replicas(const Workload& workload) {
    std::size_t given = given_pods(workload).size();
    std::string start = prefix(workload);
    std::uint32_t number = 0;
    for (std::size_t i = given; i < workload.replicas; ++i) {
      if (!room(workload)) return;
      while (taken_.contains({workload.meta.ns, start + std::to_string(number)})) ++number;
      auto pod = make(workload, start + std::to_string(number++));
      if (workload.meta.kind == Kind::Job) {
        pod->meta.labels["job-name"] = workload.meta.name;
        pod->meta.labels["batch.kubernetes.io/job-name"] = workload.meta.name;
      }
      draft_.put(pod);
    }
  }

  void expand_daemon_set(const Workload& workload, const std::string& cluster) {
    model::PodSpec spec = workload.pod;
    // What the DaemonSet controller adds (Kubernetes: DaemonSet, taints and tolerations).
    for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
      spec.tolerations.push_back({key, "Exists", "", "NoExecute"});
    for (const char* key : {"node.kubernetes.io/disk-pressure", "node.kubernetes.io/memory-pressure",
                            "node.kubernetes.io/pid-pressure", "node.kubernetes.io/unschedulable"})
      spec.tolerations.push_back({key, "Exists", "", "NoSchedule"});
    if (spec.host_network)
      spec.tolerations.push_back({"node.kubernetes.io/network-unavailable", "Exists", "", "NoSchedule"});
    std::set<std::string> served;
    for (const Pod* pod : given_pods(workload)) served.insert(pod->spec.node_name);
    for (const auto& node : draft_.now().all<Node>()) {
      if (node->cluster != cluster || served.contains(node->meta.name) || !wants(spec, *node)) continue;
      if (!room(workload)) return;
      std::string pod_name = workload.meta.name + "-" + node->meta.name;
      while (taken_.contains({workload.meta.ns, pod_name})) pod_name += "-ds";
      auto pod = make(workload, pod_name);
      pod->spec = spec;
      pod->spec.node_name = node->meta.name;
      draft_.put(pod);
    }
  }

  static bool wants(const model::PodSpec& spec, const Node& node) {
    if (!spec.node_name.empty() && spec.node_name != node.meta.name) return false;
    // A Windows node runs a pod only if it asks for Windows; and such nodes are not realised at all.
    if (!selects(spec, node) || node.os == model::Os::windows) return false;
    std::vector<model::Taint> taints = node.taints;
    if (node.unschedulable) taints.push_back({"node.kubernetes.io/unschedulable", "", "NoSchedule"});
    return std::all_of(taints.begin(), taints.end(), [&](const model::Taint& taint) {
      return taint.effect == "PreferNoSchedule" || tolerates(spec, taint);
    });
  }

  Draft& draft_;
  std::size_t pods_;
  std::set<std::pair<std::string, std::string>> taken_;  // namespace, name
  std::set<ObjectRef> told_;
};

}  // namespace

void expand_workloads(Draft& draft) {
  Expander expander(draft);
  // StatefulSets first, then those that step aside for their names.
  for (Kind kind : {Kind::StatefulSet, Kind::Deployment, Kind::Job, Kind::DaemonSet})
    for (const auto& workload : draft.now().all<Workload>())
      if (workload->meta.kind == kind) expander.expand(*workload);
  for (const auto& pod : draft.now().all<Pod>())
    if (!pod->finished()) draft.tell_cluster_of(pod->meta);
}

}  // namespace bailey::lab::controllers
