// One decoder for each kind: a document's root and its metadata -> an object.
//
// A decoder reports what is wrong to the context and returns whatever it could read; the caller throws the object
// away when the context has failed.
#pragma once

#include "manifest/reader.h"
#include "model/snapshot.h"

namespace bailey::manifest {

// metadata, checked as the kind's names are; marks positions. The namespace is filled in.
model::Meta read_meta(Mapping& root, model::Kind kind);

// `root` still has every field but apiVersion, kind and metadata to be asked for; `api_version` as written, "" where
// it is missing.
using Decoder = model::AnyObject (*)(Mapping& root, model::Meta meta, const std::string& api_version);
Decoder decoder_of(model::Kind kind);

model::AnyObject read_namespace(Mapping&, model::Meta, const std::string&);
model::AnyObject read_node(Mapping&, model::Meta, const std::string&);
model::AnyObject read_pod(Mapping&, model::Meta, const std::string&);
model::AnyObject read_service(Mapping&, model::Meta, const std::string&);
model::AnyObject read_secret(Mapping&, model::Meta, const std::string&);
model::AnyObject read_config_map(Mapping&, model::Meta, const std::string&);
model::AnyObject read_workload(Mapping&, model::Meta, const std::string&);
model::AnyObject read_endpoint_slice(Mapping&, model::Meta, const std::string&);
model::AnyObject read_ingress(Mapping&, model::Meta, const std::string&);
model::AnyObject read_ingress_class(Mapping&, model::Meta, const std::string&);
model::AnyObject read_network_policy(Mapping&, model::Meta, const std::string&);
model::AnyObject read_gateway_class(Mapping&, model::Meta, const std::string&);
model::AnyObject read_gateway(Mapping&, model::Meta, const std::string&);
model::AnyObject read_http_route(Mapping&, model::Meta, const std::string&);
model::AnyObject read_reference_grant(Mapping&, model::Meta, const std::string&);
model::AnyObject read_virtual_network(Mapping&, model::Meta, const std::string&);
model::AnyObject read_network_peering(Mapping&, model::Meta, const std::string&);
model::AnyObject read_network_interface(Mapping&, model::Meta, const std::string&);
model::AnyObject read_security_group(Mapping&, model::Meta, const std::string&);
model::AnyObject read_route_table(Mapping&, model::Meta, const std::string&);
model::AnyObject read_on_premises_network(Mapping&, model::Meta, const std::string&);
model::AnyObject read_network_gateway(Mapping&, model::Meta, const std::string&);
model::AnyObject read_gateway_connection(Mapping&, model::Meta, const std::string&);
model::AnyObject read_cluster(Mapping&, model::Meta, const std::string&);
model::AnyObject read_role_assignment(Mapping&, model::Meta, const std::string&);
model::AnyObject read_role_definition(Mapping&, model::Meta, const std::string&);
model::AnyObject read_load_balancer(Mapping&, model::Meta, const std::string&);
model::AnyObject read_application_gateway(Mapping&, model::Meta, const std::string&);
model::AnyObject read_waf_policy(Mapping&, model::Meta, const std::string&);
model::AnyObject read_lab_host(Mapping&, model::Meta, const std::string&);
model::AnyObject read_bastion(Mapping&, model::Meta, const std::string&);
model::AnyObject read_access_grant(Mapping&, model::Meta, const std::string&);

}  // namespace bailey::manifest
