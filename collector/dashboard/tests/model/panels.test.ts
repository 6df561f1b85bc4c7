import { expect, test } from 'vitest'
import type { Catalog, Metric } from '../../src/model/catalog'
import { chartPlans, metricsByPanel } from '../../src/model/panels'

function catalogOf(...metrics: [name: string, panel: string, unit: string, kind?: string][]): Catalog {
  const made = metrics.map(([name, panel, unit, kind = 'gauge']): Metric => ({ name, panel, unit, kind, help: '', resolution: 1, names: [] }))
  return new Map(made.map((metric) => [metric.name, metric]))
}

test('one chart per unit of a panel, named after its metric where that is alone', () => {
  const plans = chartPlans(catalogOf(['temperature_celsius', 'Temperature', '°C'], ['memory_temperature_celsius', 'Temperature', '°C'], ['fan_speed_percent', 'Temperature', '%']))
  expect(plans.map(({ title, metrics }) => [title, metrics.length])).toEqual([['Temperature', 2], ['Fan speed', 1]])
})

test('counters and what jumps have charts of their own; flags and names are no lines', () => {
  const plans = chartPlans(
    catalogOf(['ecc_corrected_total', 'Errors', 'errors', 'counter'], ['ecc_uncorrected_total', 'Errors', 'errors', 'counter'], ['performance_state', 'Clocks', 'state'], ['throttle_reasons', 'Clocks', 'flags', 'flags']),
  )
  expect(plans.map(({ id }) => id)).toEqual(['performance_state', 'ecc_corrected_total', 'ecc_uncorrected_total'])
})

test('a panel that nobody has heard of comes last, and is there', () => {
  const panels = metricsByPanel(catalogOf(['a', 'Quantum', ''], ['b', 'Power', 'W'], ['c', 'Utilization', '%']))
  expect(panels.map(([panel]) => panel)).toEqual(['Utilization', 'Power', 'Quantum'])
})
