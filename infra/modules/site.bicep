// The function app on Flex Consumption: its plan, its settings, and the sign-in of its people.
param token string
param location string
param tags object
param identityId string
param identityClientId string
param subnetId string
param storageName string
param packageContainer string
param snapshotAccount string
param snapshotContainer string
param vaultAddress string
param insightsConnection string
param constantContactClientId string
param entraClientId string
param refreshSchedule string
param fileRetentionDays int
param recordRetentionDays int
param siteUrl string
@secure()
param notificationWebAddress string

var suffix = environment().suffixes.storage

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'asp-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: 'func-${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Open to the internet also with a private network: Event Grid delivers to public addresses only.
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${storageName}.blob.${suffix}/${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
        // The blob listener has to be there when the first event comes.
        alwaysReady: [
          {
            name: 'blob'
            instanceCount: 1
          }
        ]
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__blobServiceUri: 'https://${storageName}.blob.${suffix}'
    AzureWebJobsStorage__queueServiceUri: 'https://${storageName}.queue.${suffix}'
    AzureWebJobsStorage__tableServiceUri: 'https://${storageName}.table.${suffix}'
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    SNAPSHOT_STORAGE__blobServiceUri: 'https://${snapshotAccount}.blob.${suffix}'
    SNAPSHOT_STORAGE__queueServiceUri: 'https://${snapshotAccount}.queue.${suffix}'
    SNAPSHOT_STORAGE__credential: 'managedidentity'
    SNAPSHOT_STORAGE__clientId: identityClientId
    SNAPSHOT_CONTAINER: snapshotContainer
    SNAPSHOT_QUIET_SECONDS: '300'
    REFRESH_SCHEDULE: refreshSchedule
    CONSTANT_CONTACT_CLIENT_ID: constantContactClientId
    CONSTANT_CONTACT_API_URL: 'https://api.cc.email/v3'
    CONSTANT_CONTACT_AUTH_URL: 'https://authz.constantcontact.com/oauth2/default/v1'
    KEY_VAULT_URL: vaultAddress
    SITE_URL: siteUrl
    NOTIFICATION_WEB_ADDRESS: notificationWebAddress
    EMAIL_MAX_LENGTH: '80'
    REQUEST_TIMEOUT_SECONDS: '60'
    UNCLEAR_UPLOAD_SECONDS: '60'
    RUN_TIME_LIMIT_HOURS: '48'
    FILE_RETENTION_DAYS: string(fileRetentionDays)
    RECORD_RETENTION_DAYS: string(recordRetentionDays)
    // Which of its identities the app is for Key Vault.
    AZURE_CLIENT_ID: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
    // The app tells what it does itself. The automatic ones would record addresses with one-time codes in them.
    OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3'
    // Every trace whole: by default some five a second would be kept, and a run's trace would have holes.
    OTEL_TRACES_SAMPLER: 'always_on'
    // People sign in without a client secret: the app's identity vouches for the registration.
    OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
  }
}

resource signIn 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      // Event Grid and calls with a function key come without a person; the pages refuse who is not signed in.
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: entraClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${subscription().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            entraClientId
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
      cookieExpiration: {
        convention: 'FixedTime'
        timeToExpiration: '08:00:00'
      }
    }
    httpSettings: {
      requireHttps: true
    }
  }
  dependsOn: [
    settings
  ]
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

output name string = site.name
output address string = 'https://${site.properties.defaultHostName}'
