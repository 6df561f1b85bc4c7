import { describe, expect, test } from 'vitest'
import { isQuantity, readCatalog } from '../../src/model/catalog'
import { meanText, metricTitle, valueText } from '../../src/model/value'

const CATALOG = readCatalog({
  metrics: [
    { name: 'power_watts', unit: 'W', help: 'Board power draw', panel: 'Power', kind: 'gauge', names: {} },
    { name: 'throttle_reasons', unit: 'flags', kind: 'flags', names: { '4': 'power_cap', '64': 'hw_thermal' } },
    { name: 'recovery_action', unit: 'action', kind: 'enumeration', names: { '4': 'drain_and_reset' } },
    { name: 'sm_active_percent', unit: '%', kind: 'gauge', resolution: 0.1 },
    { name: 'gpu_utilization_percent', unit: '%', kind: 'gauge', resolution: 1 },
    { name: 'performance_state', unit: 'state', kind: 'gauge', resolution: 1 },
    { name: 'thermal_throttle_seconds_total', unit: 's', kind: 'counter', resolution: 0.001 },
    { name: 'later_metric', unit: 'furlongs', kind: 'gauge' },
    { unit: 'a metric without a name' },
  ],
})

function shown(name: string, value: number): string {
  const metric = CATALOG.get(name)
  return metric ? valueText(metric, value).replaceAll('\u00a0', ' ') : 'not in the catalogue'
}

test('what has no name is no metric', () => expect(CATALOG.size).toBe(8))

describe('any metric is shown by what the catalogue says of it', () => {
  test.each([
    ['power_watts', 312.4, '312 W'],
    ['throttle_reasons', 0, 'none'],
    ['throttle_reasons', 68, 'hardware thermal, power cap'],
    ['recovery_action', 4, 'drain and reset'],
    ['recovery_action', 9, '9'],
    ['sm_active_percent', 81.25, '81.3 %'],
    ['sm_active_percent', 86, '86.0 %'],
    ['gpu_utilization_percent', 86, '86 %'],
    ['performance_state', 8, 'P8'],
    ['thermal_throttle_seconds_total', 0.04, '0.04 s'],
    ['thermal_throttle_seconds_total', 615_600, '7 d 3 h'],
    ['later_metric', 12.345, '12.3'],
  ])('%s of %d is "%s"', (name, value, text) => expect(shown(name, value)).toBe(text))
})

test('a title says what, not in which unit', () => {
  expect(metricTitle('pcie_tx_mb_per_second')).toBe('PCIe sent')
  expect(metricTitle('gpu_utilization_percent')).toBe('GPU utilization')
  expect(metricTitle('energy_joules_total')).toBe('Energy')
})

test.each([
  ['performance_state', 4.728948096885813, 'P4.7'],
  ['performance_state', 0, 'P0'],
  ['gpu_utilization_percent', 51.37, '51 %'],
  ['gpu_utilization_percent', 0.44, '0.4 %'],
  ['gpu_utilization_percent', 0, '0 %'],
  ['power_watts', 312.42, '312 W'],
])('a mean of %s that is %d is "%s"', (name, value, text) => {
  const metric = CATALOG.get(name)
  expect(metric && meanText(metric, value).replaceAll('\u00a0', ' ')).toBe(text)
})

test('flags and names are no quantities', () => {
  const quantities = [...CATALOG.values()].filter(isQuantity).map(({ name }) => name)
  expect(quantities).not.toContain('throttle_reasons')
  expect(quantities).not.toContain('recovery_action')
  expect(quantities).toContain('power_watts')
  expect(quantities).toContain('thermal_throttle_seconds_total')
})
