// The tokens of the connections. The app writes refreshed tokens back, makes, disables and removes secrets.
param name string
param location string
param tags object
param principalId string
param purgeProtection bool
param publicNetworkAccess string
param networkDefaultAction string
param workspaceId string
@secure()
param constantContactClientSecret string

var secretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    // Never to be changed: a vault keeps the one that it was made with, and refuses another.
    softDeleteRetentionInDays: 90
    // It can be switched on, never off: false is refused, so it is left out.
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: networkDefaultAction
    }
  }
}

// Through the resource manager, so that whoever deploys needs no right to read secrets.
resource clientSecret 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = if (!empty(constantContactClientSecret)) {
  parent: vault
  name: 'constant-contact-client-secret'
  properties: {
    value: constantContactClientSecret
    contentType: 'text/plain'
  }
}

resource mayKeepTokens 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, secretsOfficer)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsOfficer)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Who read or wrote which secret, and when.
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

output id string = vault.id
output name string = vault.name
output address string = vault.properties.vaultUri
