import { expect, test } from 'vitest'
import type { Metric } from '../../src/model/catalog'
import { chartPlans } from '../../src/model/panels'
import { Timeline, type Bucket } from '../../src/model/timeline'
import { chartsOf, groundOf } from '../../src/pages/gpu/specs'

const METRICS: Metric[] = [
  { name: 'power_watts', unit: 'W', kind: 'gauge', panel: 'Power', help: '', resolution: 1, names: [] },
  { name: 'power_limit_watts', unit: 'W', kind: 'gauge', panel: 'Power', help: '', resolution: 1, names: [] },
  { name: 'pcie_replay_total', unit: 'replays', kind: 'counter', panel: 'Errors', help: '', resolution: 1, names: [] },
  { name: 'ecc_corrected_total', unit: 'errors', kind: 'counter', panel: 'Errors', help: '', resolution: 1, names: [] },
  { name: 'fan_speed_percent', unit: '%', kind: 'gauge', panel: 'Temperature', help: '', resolution: 1, names: [] },
]
const PLANS = chartPlans(new Map(METRICS.map((metric) => [metric.name, metric])))
const STEP = 10_000
const SPAN = { since: 0, until: 45_000 }

function bucket(start: number, watts: number | null): Bucket {
  const spread = (value: number) => ({ avg: value, min: value, max: value })
  return { start, count: 1, values: { power_watts: watts === null ? null : spread(watts), power_limit_watts: spread(700), fan_speed_percent: null } }
}

const INCOMPLETE = [{ since: 40_000, until: 50_000, reason: 'open' }]

function ground(...buckets: Bucket[]) {
  const timeline = new Timeline(STEP)
  timeline.load(buckets, SPAN)
  const growth = new Map([['pcie_replay_total', new Map([[0, 0]])], ['ecc_corrected_total', new Map([[0, 2]])]])
  return groundOf({ timeline, growth, incomplete: INCOMPLETE, step: STEP }, SPAN)
}

test('a time without readings is a gap, not a line across it', () => {
  const { specs } = chartsOf(PLANS, ground(bucket(0, 100), bucket(40_000, 200)))
  expect(specs[0]?.lines[0]?.average).toEqual([100, null, null, null, 200])
  expect(specs[0]?.times).toEqual([5, 15, 25, 35, 45])
})

test('what has no values has no frame, but a name; a counter that stands is named too', () => {
  const { specs, quiet, missing } = chartsOf(PLANS, ground(bucket(0, 100)))
  expect(specs.map(({ id }) => id)).toEqual(['power_watts', 'ecc_corrected_total'])
  expect(quiet.map(({ name }) => name)).toEqual(['pcie_replay_total'])
  expect(missing.map(({ name }) => name)).toEqual(['fan_speed_percent'])
})

test('a limit without what it limits is no chart', () => {
  expect(chartsOf(PLANS, ground(bucket(0, null))).specs.map(({ id }) => id)).toEqual(['ecc_corrected_total'])
})

test('the step that is not over ends at the present', () => {
  expect(ground(bucket(40_000, 1)).times).toEqual([45])
})

test('of nothing there are no charts', () => {
  expect(chartsOf(PLANS, ground()).specs).toEqual([])
})

test('what adds up says where it is not complete; a counter of which no step is over is not called absent', () => {
  const { specs } = chartsOf(PLANS, ground(bucket(0, 100)))
  expect(specs.map(({ id, incomplete }) => [id, incomplete])).toEqual([['power_watts', []], ['ecc_corrected_total', INCOMPLETE]])
  const { begun, missing } = chartsOf(PLANS, ground(bucket(40_000, 100)))
  expect(begun.map(({ name }) => name)).toEqual(['pcie_replay_total', 'ecc_corrected_total'])
  expect(missing.map(({ name }) => name)).toEqual(['fan_speed_percent'])
})
