// What the app does, drawn from its metrics: profiles, batches, calls, waiting, ages.
param location string
param tags object
param insightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insightsId, 'segment-exports')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Segment exports'
    category: 'workbook'
    sourceId: insightsId
    serializedData: replace(loadTextContent('../workbook.json'), '{insights}', insightsId)
  }
}
