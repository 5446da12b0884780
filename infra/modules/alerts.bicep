// What somebody has to hear of. The rules read the app's events and metrics: ids and figures, never personal data.
// Their queries are not tried out when they are made: the tables come with the first telemetry.
param token string
param location string
param tags object
param insightsId string
param alertEmail string
param quietHours int

// Each rule counts rows, and is raised for each `id` alone. One that settles does so when its query finds nothing more:
// an export has gone through again, or failed two days ago. The others tell of something once, and settle nothing.
var rules = [
  {
    name: 'export-failed'
    text: 'An export failed for good. Its run page says why and what to do.'
    severity: 2
    window: 'P2D'
    settles: true
    query: 'traces | extend what = tostring(customDimensions.event), id = tostring(customDimensions.export_id) | where what in ("export.failed", "export.recovered") | summarize arg_max(timestamp, what) by id | where what == "export.failed"'
  }
  {
    name: 'export-recovered'
    text: 'An export that had failed went through again.'
    severity: 4
    window: 'PT15M'
    settles: false
    query: 'traces | where customDimensions.event == "export.recovered" | extend id = tostring(customDimensions.export_id)'
  }
  {
    name: 'connection-needs-a-person'
    text: 'A connection has to be signed in again; its exports fail until then.'
    severity: 1
    window: 'PT15M'
    settles: false
    query: 'traces | where customDimensions.event == "connection.sign_in_again" | extend id = tostring(customDimensions.connection_id)'
  }
  {
    name: 'quota-nearly-used'
    text: 'Fewer than 1,000 of the day\'s calls to Constant Contact are left, or it says that there are none.'
    severity: 3
    window: 'PT30M'
    settles: true
    query: 'customMetrics | where (name == "constant_contact.calls_left_today" and valueSum < 1000) or (name == "constant_contact.calls" and tostring(customDimensions.outcome) == "quota") | extend id = "calls"'
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
      skipQueryValidation: true
      autoMitigate: rule.settles
      // The same row is seen by several looks at its window.
      muteActionsDuration: rule.settles ? null : 'PT30M'
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

// A window is one or two days, nothing between: the query itself keeps to the hours. Whoever has exported nothing in the
// whole window has not begun yet, or has stopped for longer: that is no news.
resource quiet 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (quietHours > 0) {
  name: 'nothing-exported-${token}'
  location: location
  tags: tags
  properties: {
    displayName: 'nothing-exported'
    description: 'No profile was exported for ${quietHours} hours, though some were within the last two days. Look at the schedules and at the age of the snapshots.'
    severity: 3
    enabled: true
    scopes: [
      insightsId
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'P2D'
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'customMetrics | where name == "exports.profiles" | where customDimensions.outcome == "sent" | summarize before = sum(valueSum), lately = sumif(valueSum, timestamp > ago(${quietHours}h)) | where before > 0 and coalesce(lately, 0.0) == 0'
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
