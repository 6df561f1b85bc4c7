import { expect, test } from 'vitest'
import { last, type Range } from '../../src/address/range'
import { ApiError, type Parameters } from '../../src/feed/api'
import type { JsonObject } from '../../src/model/json'
import { GpuPast } from '../../src/state/gpupast'

const NOW = Date.UTC(2026, 0, 1, 12)

interface Asked {
  readonly path: string
  readonly parameters: Parameters
  readonly abort: AbortSignal | undefined
}

/** A past with a clock and a collector that the test moves. */
class Bench {
  now = NOW
  asked: Asked[] = []
  buckets: JsonObject[] = []
  growth: JsonObject = { series: [] }
  isReachable = true
  readonly past: GpuPast
  private timers: { at: number; action: () => void }[] = []

  constructor() {
    this.past = new GpuPast('GPU-1', {
      api: {
        get: (path, parameters, abort) => this.answer(path, parameters, abort, this.growth),
        pages: async (path, parameters, abort) => [await this.answer(path, parameters, abort, { buckets: this.buckets })],
      },
      collectorNow: () => this.now,
      schedule: (action, delay) => this.timers.push({ at: this.now + delay, action }),
      cancel: (timer) => {
        this.timers[timer - 1] = { at: Infinity, action: () => undefined }
      },
    })
  }

  show(range: Range): Promise<void> {
    this.past.show({ range, gauges: ['power_watts'], counters: ['energy_joules_total'] })
    return this.settle()
  }

  async pass(milliseconds: number): Promise<void> {
    this.now += milliseconds
    for (const [position, timer] of this.timers.entries()) {
      if (timer.at > this.now) continue
      this.timers[position] = { at: Infinity, action: () => undefined }
      timer.action()
    }
    await this.settle()
  }

  get history(): Asked[] {
    return this.asked.filter(({ path }) => path.endsWith('/history'))
  }

  get drawn() {
    const drawn = this.past.drawn.value
    if (drawn === null) return null
    const starts = drawn.timeline.starts({ since: 0, until: Infinity })
    return { starts, average: drawn.timeline.column('power_watts', starts).average }
  }

  private settle(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 5))
  }

  private answer<T>(path: string, parameters: Parameters, abort: AbortSignal | undefined, body: T): Promise<T> {
    this.asked.push({ path, parameters, abort })
    if (this.isReachable) return Promise.resolve(body)
    return Promise.reject(new ApiError(0, { title: 'The collector does not answer', detail: null, parameter: null }))
  }
}

function bucket(start: number, avg: number, count = 1): JsonObject {
  return { start: new Date(start).toISOString(), count, power_watts: { avg, min: avg, max: avg } }
}

test('the last hour is asked for from a whole step on, up to the newest reading that is known', async () => {
  const bench = new Bench()
  bench.past.hear({ recordedAt: NOW - 2_345, values: { power_watts: 5 } })
  await bench.show(last('1h'))
  expect(bench.history[0]?.parameters).toMatchObject({
    gpu_uuid: 'GPU-1',
    step: '10',
    since: new Date(NOW - 3_600_000).toISOString(),
    until: new Date(NOW - 2_345).toISOString(),
  })
})

test('a reading is added as it comes, to the step that history began', async () => {
  const bench = new Bench()
  bench.buckets = [bucket(NOW - 10_000, 100, 3), bucket(NOW, 200, 1)]
  bench.past.hear({ recordedAt: NOW + 1_000, values: { power_watts: 400 } })
  await bench.show(last('1h'))
  expect(bench.drawn?.average).toEqual([100, 300])
  bench.past.hear({ recordedAt: NOW + 2_000, values: { power_watts: 600 } })
  await bench.pass(1_000)
  expect(bench.drawn?.average).toEqual([100, 400])
})

test('after half a minute the end is asked for again, and history takes the place of what was heard', async () => {
  const bench = new Bench()
  bench.past.hear({ recordedAt: NOW, values: { power_watts: 1 } })
  await bench.show(last('1h'))
  for (let second = 1; second <= 30; second++) bench.past.hear({ recordedAt: NOW + second * 1_000, values: { power_watts: 1 } })
  bench.buckets = [bucket(NOW, 50, 10), bucket(NOW + 10_000, 60, 5)]
  await bench.pass(30_000)
  expect(bench.history[1]?.parameters).toMatchObject({ until: new Date(NOW + 15_000).toISOString() })
  expect(bench.drawn?.average).toEqual([50, (60 * 5 + 5) / 10, 1, 1])
})

test('a time that stands is asked for once, and readings do not touch it', async () => {
  const bench = new Bench()
  bench.buckets = [bucket(NOW - 7_200_000, 100)]
  const range: Range = { kind: 'fixed', since: NOW - 7_200_000, until: NOW - 3_600_000 }
  await bench.show(range)
  bench.past.hear({ recordedAt: NOW, values: { power_watts: 1 } })
  await bench.pass(60_000)
  expect(bench.history).toHaveLength(1)
  expect(bench.drawn?.starts).toHaveLength(1)
  await bench.show(last('1h'))
  await bench.show(range)
  expect(bench.history.at(-1)?.parameters).not.toMatchObject({ until: new Date(NOW - 3_600_000).toISOString() })
})

test('where samples are no longer kept, the rollups answer', async () => {
  const bench = new Bench()
  await bench.show({ kind: 'fixed', since: NOW - 60 * 86_400_000, until: NOW - 60 * 86_400_000 + 3_600_000 })
  expect(bench.history.map(({ parameters }) => parameters['step'])).toEqual(['10', '300', '3600'])
})

test('what nobody waits for any more is abandoned', async () => {
  const bench = new Bench()
  bench.past.show({ range: last('1h'), gauges: ['power_watts'], counters: [] })
  await bench.show(last('6h'))
  expect(bench.history.map(({ abort }) => abort?.aborted)).toEqual([true, false])
  bench.past.stop()
  const asked = bench.asked.length
  await bench.pass(600_000)
  expect(bench.asked).toHaveLength(asked)
})

test('an error is told, what was drawn stays, and it is tried again', async () => {
  const bench = new Bench()
  bench.buckets = [bucket(NOW - 10_000, 100)]
  await bench.show(last('1h'))
  bench.isReachable = false
  await bench.pass(30_000)
  expect(bench.past.failure.value?.status).toBe(0)
  expect(bench.drawn?.average).toEqual([100])
  bench.isReachable = true
  await bench.pass(30_000)
  expect(bench.past.failure.value).toBeNull()
})

test('a first question that fails is asked again by itself', async () => {
  const bench = new Bench()
  bench.isReachable = false
  await bench.show(last('1h'))
  expect(bench.drawn).toBeNull()
  bench.isReachable = true
  await bench.pass(30_000)
  expect(bench.past.failure.value).toBeNull()
  expect(bench.drawn).not.toBeNull()
})

test('what a counter grew by in a step that is not over is not drawn as all that it grew', async () => {
  const bench = new Bench()
  const point = (at: number, joules: number) => [new Date(at).toISOString(), joules]
  const incomplete = [{ since: new Date(NOW - 10_000).toISOString(), until: new Date(NOW).toISOString(), reason: 'open' }]
  bench.growth = { series: [{ metric: 'energy_joules_total', points: [point(NOW - 20_000, 5_000), point(NOW - 10_000, 400)] }], incomplete }
  bench.buckets = [bucket(NOW - 10_000, 100)]
  const open = { since: NOW - 10_000, until: NOW, reason: 'open' }
  await bench.show(last('1h'))
  expect([...(bench.past.drawn.value?.growth.get('energy_joules_total') ?? [])]).toEqual([[NOW - 20_000, 5_000]])
  expect(bench.past.drawn.value?.incomplete).toEqual([open])
  bench.growth = { series: [], incomplete: [] }
  await bench.pass(30_000)
  expect(bench.past.drawn.value?.incomplete).toEqual([])
})
