import { expect, test } from 'vitest'
import { last, type Range } from '../../src/address/range'
import { ApiError, type Parameters } from '../../src/feed/api'
import type { Happening } from '../../src/model/happening'
import type { JsonObject } from '../../src/model/json'
import { EventList } from '../../src/state/eventlist'

const NOW = Date.UTC(2026, 0, 1, 12)
const PAGE = 3

/** A list with a clock and a collector that the test moves; pages hold three events. */
class Bench {
  now = NOW
  stored: { id: string; at: number; severity: string }[] = []
  asked: Parameters[] = []
  isReachable = true
  readonly events: EventList
  private timers: { at: number; action: () => void }[] = []

  constructor() {
    this.events = new EventList({
      api: { get: (_, parameters) => this.answer(parameters) },
      collectorNow: () => this.now,
      schedule: (action, delay) => this.timers.push({ at: this.now + delay, action }),
      cancel: (timer) => {
        this.timers[timer - 1] = { at: Infinity, action: () => undefined }
      },
    })
  }

  store(id: string, secondsAgo: number, severity = 'info'): void {
    this.stored.push({ id, at: this.now - secondsAgo * 1_000, severity })
  }

  show(filter: Parameters = {}, range: Range = last('1h'), concerns: (happening: Happening) => boolean = () => true): Promise<void> {
    this.events.show({ range, filter, concerns })
    return this.settle()
  }

  hear(id: string, severity: Happening['severity'] = 'info'): void {
    this.events.hear({ id, host: 'a', gpuUuid: null, gpuIndex: null, gpuName: null, kind: 'xid', severity, code: null, text: '', occurredAt: this.now })
  }

  async older(): Promise<void> {
    await this.events.older()
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

  get ids(): string {
    return this.events.listed.value?.happenings.map(({ id }) => id).join('') ?? '-'
  }

  get hasMore(): boolean | undefined {
    return this.events.listed.value?.hasMore
  }

  settle(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 2))
  }

  private answer(parameters: Parameters): Promise<JsonObject> {
    this.asked.push(parameters)
    if (!this.isReachable) return Promise.reject(new ApiError(0, { title: 'away', detail: null, parameter: null }))
    const since = Date.parse(String(parameters['since']))
    const below = Number(parameters['cursor'] ?? Infinity)
    const wanted = parameters['severity']
    const found = this.stored
      .filter(({ at, severity }) => at >= since && at < below && (wanted === undefined || wanted.includes(severity)))
      .sort((a, b) => b.at - a.at)
    const page = found.slice(0, PAGE)
    const events = page.map(({ id, at, severity }) => ({ id, host: 'a', kind: 'xid', severity, text: '', occurred_at: new Date(at).toISOString() }))
    return Promise.resolve({ events, next_cursor: found.length > PAGE ? String(page.at(-1)?.at) : null })
  }
}

function stored(...ids: string[]): Bench {
  const bench = new Bench()
  ids.forEach((id, position) => bench.store(id, 10 * (position + 1)))
  return bench
}

test('the newest are listed first, and older ones on request, of the same time and filter', async () => {
  const bench = stored('a', 'b', 'c', 'd', 'e')
  await bench.show({ severity: ['info'] })
  expect([bench.ids, bench.hasMore]).toEqual(['abc', true])
  bench.now += 1_000
  await bench.older()
  expect([bench.ids, bench.hasMore]).toEqual(['abcde', false])
  const [first, second] = bench.asked
  expect(second).toEqual({ ...first, cursor: expect.any(String) as string })
})

test('what happens is on top at once, and once only when it is told as well', async () => {
  const bench = stored('a')
  await bench.show()
  bench.now += 5_000
  bench.hear('n')
  expect(bench.ids).toBe('na')
  bench.store('n', 0)
  await bench.pass(30_000)
  expect(bench.ids).toBe('na')
})

test('what is heard and not asked for is left out, and so is the present of a time that stands', async () => {
  const bench = stored('a')
  await bench.show({}, last('1h'), ({ severity }) => severity === 'critical')
  bench.hear('n')
  bench.hear('c', 'critical')
  expect(bench.ids).toBe('ca')
  const past = stored('a')
  await past.show({}, { kind: 'fixed', since: NOW - 60_000, until: NOW })
  past.hear('n')
  expect(past.ids).toBe('a')
})

test('older pages stay when the newest are asked for again', async () => {
  const bench = stored('a', 'b', 'c', 'd', 'e')
  await bench.show()
  await bench.older()
  bench.store('n', -10)
  await bench.pass(30_000)
  expect([bench.ids, bench.hasMore]).toEqual(['nabcde', false])
})

test('after more than a page of news the list begins anew rather than having a gap', async () => {
  const bench = stored('a', 'b', 'c', 'd', 'e')
  await bench.show()
  await bench.older()
  for (const [position, id] of ['w', 'x', 'y', 'z'].entries()) bench.store(id, -5 - position)
  await bench.pass(30_000)
  expect([bench.ids, bench.hasMore]).toEqual(['zyx', true])
  await bench.older()
  await bench.older()
  expect([bench.ids, bench.hasMore]).toEqual(['zyxwabcde', false])
})

test('what has left the time is no longer listed', async () => {
  const bench = new Bench()
  bench.store('a', 3_590)
  await bench.show()
  expect(bench.ids).toBe('a')
  await bench.pass(30_000)
  expect(bench.ids).toBe('')
})

test('another filter is another list; what was heard under the one before is not in it', async () => {
  const bench = stored('a')
  bench.store('c', 5, 'critical')
  await bench.show()
  bench.hear('n')
  await bench.show({ severity: ['critical'] }, last('1h'), ({ severity }) => severity === 'critical')
  expect(bench.ids).toBe('c')
})

test('a collector that does not answer is said, and asked again; the list stays', async () => {
  const bench = stored('a')
  await bench.show()
  bench.isReachable = false
  await bench.pass(30_000)
  expect(bench.events.failure.value?.status).toBe(0)
  expect(bench.ids).toBe('a')
  bench.isReachable = true
  await bench.pass(30_000)
  expect(bench.events.failure.value).toBeNull()
})

test('the same question once more is not asked once more', async () => {
  const bench = stored('a')
  await bench.show({ host: ['x'] })
  await bench.show({ host: ['x'] })
  expect(bench.asked).toHaveLength(1)
})

test('nothing is asked after the end', async () => {
  const bench = stored('a')
  await bench.show()
  bench.events.stop()
  await bench.pass(60_000)
  expect(bench.asked).toHaveLength(1)
})
