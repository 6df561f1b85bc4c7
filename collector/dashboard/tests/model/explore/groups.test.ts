import { expect, test } from 'vitest'
import type { Metric } from '../../../src/model/catalog'
import { amountOf, changeOf, ranked, readGroupSeries, type GroupSeries } from '../../../src/model/explore/groups'

const GAUGE: Metric = { name: 'power_watts', unit: 'W', kind: 'gauge', panel: 'Power', help: '', resolution: 1, names: [] }
const COUNTER: Metric = { ...GAUGE, name: 'energy_joules_total', kind: 'counter' }

function series(key: string, ...values: number[]): GroupSeries {
  return { key, title: key, host: null, gpuUuid: null, points: new Map(values.map((value, position) => [position, value])) }
}

test('groups are read with their names and the pages they have', () => {
  const points = [['2026-01-01T00:00:00Z', 3], ['soon', 4], ['2026-01-01T00:01:00Z', null]]
  const groups = [{}, { host: 'a' }, { model: 'NVIDIA H100' }, { label: 'rack', value: 'r1' }, { gpu_uuid: 'GPU-1', host: 'a', gpu_index: 3, gpu_name: 'x' }]
  const read = readGroupSeries({ series: groups.map((group) => ({ group, points })) })
  expect(read.map(({ title }) => title)).toEqual(['Whole fleet', 'a', 'H100', 'r1', 'a · GPU 3'])
  expect(read.map(({ key, host, gpuUuid }) => [key, host, gpuUuid])[4]).toEqual(['GPU-1', 'a', 'GPU-1'])
  expect([...(read[0]?.points ?? [])]).toEqual([[Date.UTC(2026, 0, 1), 3]])
})

test('the top is the most and the bottom the least; what was not read is not in it', () => {
  const all = [series('a', 1, 3), series('b', 9), series('c'), series('d', 2)]
  expect(ranked(all, { agg: 'avg', order: 'top' }, GAUGE).map(({ series: { key } }) => key)).toEqual(['b', 'a', 'd'])
  expect(ranked(all, { agg: 'avg', order: 'bottom' }, GAUGE).map(({ series: { key } }) => key)).toEqual(['a', 'd', 'b'])
})

test.each([
  ['avg', GAUGE, 4],
  ['sum', GAUGE, 4],
  ['max', GAUGE, 6],
  ['min', GAUGE, 2],
  ['p95', GAUGE, 4],
  ['sum', COUNTER, 12],
  ['avg', COUNTER, 12],
  ['max', COUNTER, 6],
] as const)('%s of a %o amounts to %d', (agg, metric, value) => {
  expect(amountOf(series('a', 2, 4, 6), agg, metric)).toMatchObject({ value, min: 2, max: 6 })
})

test('a change is a share of what was before; of nothing there is none', () => {
  expect(changeOf(150, 100)).toBe(0.5)
  expect(changeOf(-50, -100)).toBe(0.5)
  expect(changeOf(1, 0)).toBeNull()
  expect(changeOf(1, null)).toBeNull()
})

test('the step that is not over is neither the lowest point nor part of the sum, unless there is no other', () => {
  expect(amountOf(series('a', 40, 50, 3), 'sum', COUNTER, 2)).toMatchObject({ value: 90, min: 40, max: 50 })
  expect(amountOf(series('a', 40, 50, 3), 'avg', GAUGE, 2)).toMatchObject({ value: 45, min: 40, max: 50 })
  expect(amountOf(series('a', 3), 'sum', COUNTER, 0)).toMatchObject({ value: 3 })
  const all = [series('a', 5, 100), series('b', 9, 1)]
  expect(ranked(all, { agg: 'max', order: 'top' }, COUNTER, 1).map(({ series: { key } }) => key)).toEqual(['b', 'a'])
})
