import { expect, test } from 'vitest'
import { explore } from '../../src/feed/explore'
import type { Parameters } from '../../src/feed/api'
import type { Metric } from '../../src/model/catalog'
import type { Question } from '../../src/model/explore/question'
import type { JsonObject } from '../../src/model/json'

const NOW = Date.UTC(2026, 0, 10)
const HOUR = 3_600_000
const SPAN = { since: NOW - HOUR, until: NOW }
const POWER: Metric = { name: 'power_watts', unit: 'W', kind: 'gauge', panel: 'Power', help: '', resolution: 1, names: [] }
const QUESTION: Question = { metric: 'power_watts', agg: 'avg', by: 'host', order: 'top', n: '5', compare: 'none' }

/** Hosts h0, h1, … with as many watts as their number; `finest` is the shortest step that is kept. */
class Bench {
  asked: Parameters[] = []
  finest = 0

  constructor(private readonly hosts: number) {}

  explore(part: Partial<Question> = {}, span = SPAN, host: readonly string[] = []) {
    return explore(this, { ...QUESTION, ...part }, { host, gpu: [] }, POWER, span, NOW, new AbortController().signal)
  }

  pages = (_: string, parameters: Parameters): Promise<JsonObject[]> => {
    this.asked.push(parameters)
    const only = parameters['host'] ?? []
    const names = Array.from({ length: this.hosts }, (_, number) => `h${number}`).filter((name) => only.length === 0 || only.includes(name))
    const points = (watts: number) => (Number(parameters['step']) < this.finest ? [] : [[parameters['since'], watts]])
    if (parameters['group_by'] !== 'host') return Promise.resolve([{ series: [{ group: {}, points: points(7) }] }])
    return Promise.resolve(names.map((name) => ({ series: [{ group: { host: name }, points: points(Number(name.slice(1))) }] })))
  }
}

test('hosts are put in order by a few points first; lines are asked of those alone that are shown', async () => {
  const bench = new Bench(20)
  const found = await bench.explore()
  expect(found.groups.map(({ series }) => series.key)).toEqual(['h19', 'h18', 'h17', 'h16', 'h15'])
  expect(found.found).toBe(20)
  expect(bench.asked.map(({ step, host }) => [step, host])).toEqual([['300', []], ['10', ['h19', 'h18', 'h17', 'h16', 'h15']]])
})

test('the least come first where they are asked for', async () => {
  const found = await new Bench(20).explore({ order: 'bottom' })
  expect(found.groups.map(({ series }) => series.key)).toEqual(['h0', 'h1', 'h2', 'h3', 'h4'])
})

test('the whole fleet is one question', async () => {
  const bench = new Bench(20)
  const found = await bench.explore({ by: 'fleet' })
  expect(found.groups.map(({ value }) => value)).toEqual([7])
  expect(bench.asked).toHaveLength(1)
})

test('a label is asked for by its name', async () => {
  const bench = new Bench(2)
  await bench.explore({ by: 'label:rack' })
  expect(bench.asked[0]).toMatchObject({ group_by: 'label', label: 'rack', step: '300' })
})

test('the time before is asked for with the same steps, and of the same groups', async () => {
  const bench = new Bench(3)
  const found = await bench.explore({ compare: '7d' })
  const last = bench.asked.at(-1)
  expect(last).toMatchObject({ step: '10', host: ['h2', 'h1', 'h0'], until: new Date(NOW - 7 * 24 * HOUR).toISOString() })
  expect(found.before?.get('h2')?.value).toBe(2)
  expect(found.shift).toBe(7 * 24 * HOUR)
})

test('where only rollups are left of a time, these are taken', async () => {
  const bench = new Bench(3)
  bench.finest = 3_600
  const old = { since: NOW - 100 * 24 * HOUR, until: NOW - 100 * 24 * HOUR + HOUR }
  const found = await bench.explore({ by: 'fleet' }, old)
  expect(found.step).toBe(3_600_000)
})

test('where nothing is found nothing more is asked', async () => {
  const bench = new Bench(0)
  const found = await bench.explore()
  expect(found.groups).toEqual([])
  expect(bench.asked).toHaveLength(1)
})

test('what is not complete is told, and neither the step that is not over nor the same one of the time before counts', async () => {
  const bench = new Bench(1)
  const shift = 24 * HOUR
  const points = (until: number, ...values: number[]) => values.map((value, position) => [new Date(until - HOUR * (values.length - position)).toISOString(), value])
  bench.pages = (_, { until }) => {
    const isBefore = until !== new Date(NOW).toISOString()
    const incomplete = [{ since: new Date(NOW - HOUR).toISOString(), until, reason: 'open' }]
    return Promise.resolve([{ series: [{ group: {}, points: isBefore ? points(NOW - shift, 10, 20, 30) : points(NOW, 100, 200, 3) }], incomplete: isBefore ? [] : incomplete }])
  }
  const found = await bench.explore({ by: 'fleet', agg: 'sum', compare: '1d' }, { since: NOW - 3 * HOUR, until: NOW })
  expect(found.incomplete).toEqual([{ since: NOW - HOUR, until: NOW, reason: 'open' }])
  expect(found.groups[0]).toMatchObject({ value: 150, min: 100, max: 200 })
  expect(found.before?.get('')).toMatchObject({ value: 15, min: 10, max: 20 })
})
