#include "manifest/decoders.h"

#include "base/check.h"

namespace bailey::manifest {
namespace {

using model::Kind;

struct Row {
  Kind kind;
  Decoder decoder;
};

constexpr Row rows[] = {
    {Kind::Namespace, read_namespace},
    {Kind::Node, read_node},
    {Kind::Pod, read_pod},
    {Kind::Service, read_service},
    {Kind::Secret, read_secret},
    {Kind::ConfigMap, read_config_map},
    {Kind::Deployment, read_workload},
    {Kind::StatefulSet, read_workload},
    {Kind::DaemonSet, read_workload},
    {Kind::Job, read_workload},
    {Kind::EndpointSlice, read_endpoint_slice},
    {Kind::Ingress, read_ingress},
    {Kind::IngressClass, read_ingress_class},
    {Kind::NetworkPolicy, read_network_policy},
    {Kind::GatewayClass, read_gateway_class},
    {Kind::Gateway, read_gateway},
    {Kind::HTTPRoute, read_http_route},
    {Kind::ReferenceGrant, read_reference_grant},
    {Kind::VirtualNetwork, read_virtual_network},
    {Kind::NetworkPeering, read_network_peering},
    {Kind::NetworkInterface, read_network_interface},
    {Kind::NetworkSecurityGroup, read_security_group},
    {Kind::RouteTable, read_route_table},
    {Kind::OnPremisesNetwork, read_on_premises_network},
    {Kind::NetworkGateway, read_network_gateway},
    {Kind::GatewayConnection, read_gateway_connection},
    {Kind::Cluster, read_cluster},
    {Kind::RoleAssignment, read_role_assignment},
    {Kind::RoleDefinition, read_role_definition},
    {Kind::LoadBalancer, read_load_balancer},
    {Kind::ApplicationGateway, read_application_gateway},
    {Kind::WafPolicy, read_waf_policy},
    {Kind::LabHost, read_lab_host},
    {Kind::Bastion, read_bastion},
    {Kind::AccessGrant, read_access_grant},
};

}  // namespace

Decoder decoder_of(Kind kind) {
  const Row& row = rows[static_cast<std::size_t>(kind)];
  base::check(row.kind == kind, "the decoder table is in the order of the enum");
  return row.decoder;
}

}  // namespace bailey::manifest
