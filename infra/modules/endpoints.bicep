// Private addresses of storage and vault in the app's network, and the names that lead to them.
param token string
param location string
param tags object
param subnetId string
param networkId string
param storageId string
param snapshotsId string
param vaultId string

var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var queueZone = 'privatelink.queue.${environment().suffixes.storage}'
var tableZone = 'privatelink.table.${environment().suffixes.storage}'
var vaultZone = 'privatelink.vaultcore.azure.net'
var zoneNames = [
  blobZone
  queueZone
  tableZone
  vaultZone
]
var endpoints = [
  {
    name: 'blob'
    group: 'blob'
    zone: blobZone
    target: storageId
  }
  {
    name: 'queue'
    group: 'queue'
    zone: queueZone
    target: storageId
  }
  {
    name: 'table'
    group: 'table'
    zone: tableZone
    target: storageId
  }
  {
    name: 'snapshots-blob'
    group: 'blob'
    zone: blobZone
    target: snapshotsId
  }
  {
    name: 'snapshots-queue'
    group: 'queue'
    zone: queueZone
    target: snapshotsId
  }
  {
    name: 'vault'
    group: 'vault'
    zone: vaultZone
    target: vaultId
  }
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for one in zoneNames: {
    name: one
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (one, i) in zoneNames: {
    parent: zones[i]
    name: 'link-${token}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for one in endpoints: {
    name: 'pep-${one.name}-${token}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: subnetId
      }
      privateLinkServiceConnections: [
        {
          name: one.name
          properties: {
            privateLinkServiceId: one.target
            groupIds: [
              one.group
            ]
          }
        }
      ]
    }
  }
]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (one, i) in endpoints: {
    parent: privateEndpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: one.group
          properties: {
            privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', one.zone)
          }
        }
      ]
    }
    dependsOn: [
      zones
    ]
  }
]
