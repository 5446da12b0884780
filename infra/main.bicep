// Everything that the app needs, in a resource group of its own. `azd up` asks for what has no default.
targetScope = 'subscription'

@description('Name of the environment: part of the name of the resource group, and the reason for every other name.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Region of everything that is made here.')
param location string

@description('API key (client id) of the app that is registered with Constant Contact.')
param constantContactClientId string

@description('Client secret of that app, kept in the vault. Empty: an app without one (PKCE), or the secret is in the vault already.')
@secure()
param constantContactClientSecret string = ''

@description('Client id of the app registration that people sign in with; its app roles say who may do what. A hook of azd makes it, after azd has asked for what has no default.')
param entraClientId string = ''

@description('Storage account that the segments are written to. Empty: an account for them is made here.')
param snapshotStorageAccount string = ''

@description('Resource group of that account. It is found by the name of the account.')
param snapshotStorageResourceGroup string = ''

@description('Whether that account has an Event Grid system topic already; there can be only one. It is looked up.')
param snapshotStorageHasTopic bool = false

@description('Container that the segments are written to.')
@minLength(3)
@maxLength(63)
param snapshotContainer string = 'segments'

@description('When exports with new snapshots are started: second minute hour day month weekday, in UTC.')
param refreshSchedule string = '0 0 * * * *'

@description('Days that batch files and rejected rows are kept. They hold personal data.')
@minValue(3)
@maxValue(3650)
param fileRetentionDays int = 14

@description('Days that runs and the audit are kept. They name the people who started, canceled or changed something.')
@minValue(60)
@maxValue(3650)
param recordRetentionDays int = 400

@description('Where people open the pages, when that is a domain of yours: https://… Empty: the app\'s own host name.')
param siteUrl string = ''

@description('Address that is told of failed and recovered exports (a webhook). Empty: none.')
@secure()
param notificationWebAddress string = ''

@description('Where alerts are sent. Empty: nobody gets an e-mail.')
param alertEmail string = ''

@description('Hours without any exported profile after which an alert is raised, if there was one within the last two days. 0: never.')
@minValue(0)
@maxValue(47)
param quietHours int = 26

@description('Whether deleted secrets are kept for 90 days whatever happens. It cannot be taken back, and a removed connection is then not gone from the vault before.')
param purgeProtection bool = false

@description('Whether storage and vault answer in a private network only.')
param privateNetwork bool = false

@description('How often storage keeps a copy: in three zones of the region (ZRS), or in one where the region has no zones (LRS).')
@allowed([
  'Standard_ZRS'
  'Standard_LRS'
])
param storageRedundancy string = 'Standard_ZRS'

var tags = {
  'azd-env-name': environmentName
  workload: 'segment-exports'
}
var token = toLower(uniqueString(subscription().id, environmentName, location))
var groupName = 'rg-${environmentName}'
var publicAccess = privateNetwork ? 'Disabled' : 'Enabled'
var defaultAction = privateNetwork ? 'Deny' : 'Allow'
var makeSnapshotAccount = empty(snapshotStorageAccount)
var snapshotAccount = makeSnapshotAccount ? 'stsnap${token}' : snapshotStorageAccount
var snapshotGroupName = makeSnapshotAccount ? groupName : snapshotStorageResourceGroup

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: groupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
  }
}

module account 'modules/account.bicep' = {
  name: 'account'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    redundancy: storageRedundancy
    publicNetworkAccess: publicAccess
    networkDefaultAction: defaultAction
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    accountName: account.outputs.name
    principalId: identity.outputs.principalId
    fileRetentionDays: fileRetentionDays
  }
}

// An account of its own: whoever writes the segments gets no right near the app's files, queues and package.
module accountOfSnapshots 'modules/account.bicep' = if (makeSnapshotAccount) {
  name: 'account-of-snapshots'
  scope: group
  params: {
    name: snapshotAccount
    location: location
    tags: tags
    redundancy: storageRedundancy
    publicNetworkAccess: publicAccess
    networkDefaultAction: defaultAction
  }
}

module snapshots 'modules/snapshots.bicep' = {
  name: 'snapshots-${token}'
  scope: resourceGroup(snapshotGroupName)
  params: {
    accountName: snapshotAccount
    containerName: snapshotContainer
    makeContainer: makeSnapshotAccount
    makeTopic: makeSnapshotAccount || !snapshotStorageHasTopic
    principalId: identity.outputs.principalId
    tags: tags
  }
  dependsOn: [
    group
    accountOfSnapshots
  ]
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    purgeProtection: purgeProtection
    publicNetworkAccess: publicAccess
    networkDefaultAction: defaultAction
    workspaceId: monitoring.outputs.workspaceId
    constantContactClientSecret: constantContactClientSecret
  }
}

module endpoints 'modules/endpoints.bicep' = if (privateNetwork) {
  name: 'endpoints'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    subnetId: privateNetwork ? network.outputs.endpointSubnetId : ''
    networkId: privateNetwork ? network.outputs.networkId : ''
    storageId: account.outputs.id
    snapshotsId: snapshots.outputs.accountId
    vaultId: vault.outputs.id
  }
}

module site 'modules/site.bicep' = {
  name: 'site'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    subnetId: privateNetwork ? network.outputs.siteSubnetId : ''
    storageName: account.outputs.name
    packageContainer: storage.outputs.packageContainer
    snapshotAccount: snapshotAccount
    snapshotContainer: snapshotContainer
    vaultAddress: vault.outputs.address
    insightsConnection: monitoring.outputs.insightsConnection
    constantContactClientId: constantContactClientId
    entraClientId: entraClientId
    refreshSchedule: refreshSchedule
    fileRetentionDays: fileRetentionDays
    recordRetentionDays: recordRetentionDays
    siteUrl: siteUrl
    notificationWebAddress: notificationWebAddress
  }
  // The app's host starts with its own storage within reach.
  dependsOn: [
    endpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    alertEmail: alertEmail
    quietHours: quietHours
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
  }
}

// None of these has the name of an azd variable that is a parameter: azd keeps them beside those.
output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = site.outputs.name
output APP_ADDRESS string = site.outputs.address
output APP_SIGN_IN_CLIENT_ID string = entraClientId
output APP_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output STORAGE_ACCOUNT_NAME string = account.outputs.name
output KEY_VAULT_NAME string = vault.outputs.name
output SNAPSHOT_ACCOUNT_ID string = snapshots.outputs.accountId
output SNAPSHOT_CONTAINER_NAME string = snapshotContainer
