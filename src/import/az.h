// What `az ... -o json` prints of a network -> Bailey's own objects.
//
// Reads the answers of az network vnet, vnet subnet, vnet peering, nsg, route-table, nic, vnet-gateway, vpn-connection,
// local-gateway, az aks and aks nodepool (list or show), in any mix and order, as the Azure CLI prints them or as the
// REST API does (fields below "properties"). Fields: learn.microsoft.com, REST API reference, Microsoft.Network and
// Microsoft.ContainerService. Whatever has no counterpart is noted with its place; every object given out is one that
// manifest::load reads.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "manifest/manifest.h"
#include "model/source.h"

namespace bailey::importer {

struct Note {
  std::string file;
  model::Position position;
  std::string path;  // JSON path in the file: "[0].subnets[1].natGateway"
  base::Message message;
};

struct Imported {
  std::vector<base::Json> objects;        // manifests: {apiVersion, kind, metadata, spec}, by kind and name
  std::vector<Note> notes;                // in the order of files and positions
  std::vector<model::InputError> errors;  // files that are no JSON, or hold nothing of Azure
};
Imported import_az(const std::vector<manifest::Document>& documents);

std::span<const base::Text> texts();

}  // namespace bailey::importer
