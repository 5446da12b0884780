// What somebody has to hear of. The rules read the app's events and metrics: ids and figures, never personal data.
param token string
param location string
param tags object
param insightsId string
param alertEmail string
param quietHours int

// Each rule counts rows; a rule with a dimension is raised, and settled, for each of its values alone.
var rules = [
  {
    name: 'export-failed'
    text: 'An export failed for good. Its run page says why and what to do.'
    severity: 2
    window: 'PT15M'
    query: 'traces | where customDimensions.event == "export.failed" | extend id = tostring(customDimensions.export_id)'
  }
  {
    name: 'export-recovered'
    text: 'An export that had failed went through again.'
    severity: 4
    window: 'PT15M'
    query: 'traces | where customDimensions.event == "export.recovered" | extend id = tostring(customDimensions.export_id)'
  }
  {
    name: 'connection-needs-a-person'
    text: 'A connection has to be signed in again; its exports do not run until then.'
    severity: 1
    window: 'PT15M'
    query: 'traces | where customDimensions.event == "connection.sign_in_again" | extend id = tostring(customDimensions.connection_id)'
  }
  {
    name: 'quota-nearly-used'
    text: 'Fewer than 1,000 of the day\'s 10,000 calls to Constant Contact are left.'
    severity: 3
    window: 'PT30M'
    query: 'customMetrics | where name == "constant_contact.calls_left_today" | where value < 1000 | extend id = "calls"'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alertEmail)) {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'exports'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: alertEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${rule.name}-${token}'
    location: location
    tags: tags
    properties: {
      displayName: rule.name
      description: rule.text
      severity: rule.severity
      enabled: true
      scopes: [
        insightsId
      ]
      // Longer than the pause between two looks: telemetry can be minutes late.
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            dimensions: [
              {
                name: 'id'
                operator: 'Include'
                values: [
                  '*'
                ]
              }
            ]
            operator: 'GreaterThan'
            threshold: 0
          }
        ]
      }
      actions: {
        actionGroups: empty(alertEmail) ? [] : [
          people.id
        ]
      }
    }
  }
]

// A window is one or two days, nothing between: the query itself keeps to the hours.
resource quiet 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (quietHours > 0) {
  name: 'nothing-exported-${token}'
  location: location
  tags: tags
  properties: {
    displayName: 'nothing-exported'
    description: 'No profile was exported for ${quietHours} hours. Look at the schedules and at the age of the snapshots.'
    severity: 3
    enabled: true
    scopes: [
      insightsId
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'P2D'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'customMetrics | where timestamp > ago(${quietHours}h) | where name == "exports.profiles" | where customDimensions.outcome == "sent" | summarize sent = sum(valueSum) | where coalesce(sent, 0.0) == 0'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: {
      actionGroups: empty(alertEmail) ? [] : [
        people.id
      ]
    }
  }
}
