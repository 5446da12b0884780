// The container that segments are written to: the app may read it, and Event Grid hears of every blob that comes.
param accountName string
param containerName string
param makeContainer bool
param makeTopic bool
param principalId string
param tags object

var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: accountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' existing = {
  parent: account
  name: 'default'
}

resource newContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = if (makeContainer) {
  parent: blobs
  name: containerName
  properties: {
    publicAccess: 'None'
  }
}

resource segments 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = {
  parent: blobs
  name: containerName
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(segments.id, principalId, blobDataReader)
  scope: segments
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
  dependsOn: [
    newContainer
  ]
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' existing = {
  parent: account
  name: 'default'
}

// The host puts an event aside here that failed again and again: always in the account of the blob.
resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queueService
  name: 'webjobs-blobtrigger-poison'
}

resource mayPutAside 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(poison.id, principalId, queueDataContributor)
  scope: poison
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

module topic 'topic.bicep' = if (makeTopic) {
  name: 'topic-of-${accountName}'
  params: {
    name: 'egst-${accountName}'
    location: account.location
    tags: tags
    accountId: account.id
  }
}

output accountId string = account.id
