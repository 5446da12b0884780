// What tells of new blobs in a storage account. A module of its own, because it has to be where the account is: that is
// only known during the deployment, and a location must be known before.
param name string
param location string
param tags object
param accountId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    source: accountId
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}
