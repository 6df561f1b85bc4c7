import { expect, test } from 'vitest'
import { ApiError, type Api } from '../../src/feed/api'
import type { GpuFacts } from '../../src/model/fleet'
import { EMPTY_CATALOG } from '../../src/model/catalog'
import { hostsScope } from '../../src/feed/scope'
import { hostNamed, type Host } from '../../src/model/host'
import { Session } from '../../src/state/session'

const START = Date.UTC(2026, 0, 1)

class FakeSocket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { reason: string }) => void) | null = null

  readonly sent: string[] = []

  send(text: string): void {
    this.sent.push(text)
  }

  close(): void {}
}

interface Timer {
  readonly at: number
  readonly action: () => void
}

/** A session with a clock, a network and a collector that the test moves. */
class Bench {
  now = START
  sockets: FakeSocket[] = []
  hostList: Host[] = [{ ...hostNamed('a'), state: 'up', interval: 1_000 }]
  gpuList: GpuFacts[] = []
  isReachable = true
  bus: string | null = 'none'
  factsAsked = 0
  readonly session: Session
  private timers: Timer[] = []

  constructor(hosts: readonly string[] = []) {
    this.session = new Session(this.api(), {
      now: () => this.now,
      random: () => 1,
      open: () => {
        const socket = new FakeSocket()
        this.sockets.push(socket)
        return socket as unknown as WebSocket
      },
      schedule: (action, delay) => this.timers.push({ at: this.now + delay, action }),
      cancel: () => undefined,
      requestFrame: (action) => action(),
    })
    this.session.look(hostsScope(hosts))
    this.session.start()
  }

  open(): void {
    this.sockets.at(-1)?.onopen?.()
  }

  lose(): void {
    this.sockets.at(-1)?.onclose?.({ reason: '' })
  }

  hear(type: string, data: unknown): void {
    this.sockets.at(-1)?.onmessage?.({ data: JSON.stringify({ type, data }) })
  }

  read(uuid: string, host = 'a', watts = 100): void {
    const timestamp = new Date(this.now).toISOString()
    this.hear('gpu_stats', { gpu_uuid: uuid, host, host_state: 'up', state: 'ok', timestamp, power_watts: watts })
  }

  /** Lets time pass, a tenth of a second at a time. */
  async pass(milliseconds: number): Promise<void> {
    for (const end = this.now + milliseconds; this.now < end; ) {
      this.now += 100
      const due = this.timers.filter((timer) => timer.at <= this.now)
      this.timers = this.timers.filter((timer) => timer.at > this.now)
      for (const timer of due) timer.action()
      await new Promise((resolve) => setTimeout(resolve))
    }
  }

  private api(): Api {
    const answer = <T>(make: () => T) =>
      this.isReachable
        ? Promise.resolve(make())
        : Promise.reject(new ApiError(0, { title: 'The collector does not answer', detail: null, parameter: null }))
    return {
      hosts: () => {
        this.factsAsked += 1
        return answer(() => this.hostList)
      },
      gpus: () => answer(() => this.gpuList),
      catalog: () => answer(() => EMPTY_CATALOG),
      bus: () => answer(() => this.bus),
      get: () => answer(() => ({})),
      pages: () => answer(() => []),
      clockOffset: () => 0,
    }
  }
}

test('a reading is on the page within a fifth of a second', async () => {
  const bench = new Bench()
  bench.open()
  bench.read('1')
  await bench.pass(200)
  expect(bench.session.state.gpu('1').value?.values['power_watts']).toBe(100)
  expect(bench.session.state.freshnessOf('1').value?.stale).toBeNull()
  expect(bench.session.state.totals.value?.sums.power).toBe(100)
})

test('readings that stop coming become stale, and their age grows', async () => {
  const bench = new Bench()
  bench.open()
  bench.read('1')
  await bench.pass(4_000)
  expect(bench.session.state.freshnessOf('1').value).toMatchObject({ stale: 'old' })
  const before = bench.session.state.freshnessOf('1').value?.age ?? 0
  await bench.pass(2_000)
  expect(bench.session.state.freshnessOf('1').value?.age).toBeGreaterThan(before)
})

test('a lost connection makes everything stale at once, and the sums stand', async () => {
  const bench = new Bench()
  bench.open()
  bench.read('1')
  await bench.pass(300)
  bench.lose()
  expect(bench.session.state.freshnessOf('1').value?.stale).toBe('disconnected')
  expect(bench.session.lostAt.value).toBe(bench.now)
  expect(bench.session.state.totals.value?.sums.power).toBe(100)
  await bench.pass(1_500)
  bench.open()
  bench.read('1')
  await bench.pass(300)
  expect(bench.session.lostAt.value).toBeNull()
  expect(bench.session.returns.value).toBe(1)
  expect(bench.session.state.freshnessOf('1').value?.stale).toBeNull()
})

test('a socket that looks open while the network is gone is given up', async () => {
  const bench = new Bench()
  bench.open()
  await bench.pass(500)
  bench.isReachable = false
  await bench.pass(20_000)
  expect(bench.session.link.value.phase).toBe('live')
  await bench.pass(15_000)
  expect(bench.session.link.value.phase).not.toBe('live')
  expect(bench.session.failure.value?.status).toBe(0)
})

test('errors are shown once each, the latest four of them', async () => {
  const bench = new Bench()
  bench.open()
  for (const title of ['a', 'a', 'b', 'c', 'd', 'e']) bench.hear('error', { title })
  expect(bench.session.notices.value.map(({ title }) => title)).toEqual(['b', 'c', 'd', 'e'])
})

test('a page for some hosts leaves the others out, and the refusal of the whole fleet unsaid', async () => {
  const bench = new Bench(['a'])
  bench.hostList = [hostNamed('a'), hostNamed('b')]
  bench.open()
  bench.hear('error', { title: 'Too many GPUs', parameter: 'format' })
  bench.read('1', 'a')
  bench.read('2', 'b')
  await bench.pass(300)
  expect(bench.session.state.groups.value.map(({ host }) => host)).toEqual(['a'])
  expect(bench.session.notices.value).toEqual([])
  expect(bench.sockets[0]?.sent).toEqual(['{"type":"subscribe","format":"events","hosts":["a"]}'])
  bench.hear('error', { title: 'Bad message', parameter: 'hosts' })
  expect(bench.session.notices.value).toHaveLength(1)
})

test('news of hosts asks for the lists, but not for each of a thousand', async () => {
  const bench = new Bench()
  bench.open()
  await bench.pass(3_000)
  const before = bench.factsAsked
  for (let number = 0; number < 1_000; number++) bench.hear('host_state', { host: `h${number}`, state: 'late' })
  await bench.pass(1_000)
  expect(bench.factsAsked - before).toBe(1)
})

test('that the bus is away is said until a ready collector says otherwise', async () => {
  const bench = new Bench()
  bench.open()
  await bench.pass(1_000)
  const said: boolean[] = []
  for (const state of ['away', null, 'up']) {
    bench.bus = state
    await bench.pass(16_000)
    said.push(bench.session.isBusAway.value)
  }
  expect(said).toEqual([true, true, false])
})

test('who looks at a GPU hears of its host alone, as soon as it is known which that is', async () => {
  const bench = new Bench()
  bench.gpuList = [{ gpu: { uuid: '1', host: 'a', index: 0, name: null, parentUuid: null, migProfile: null, migInstance: null, state: 'ok', simulated: false }, absent: {} }]
  bench.session.look({ kind: 'gpu', uuid: '1' })
  bench.open()
  expect(bench.sockets[0]?.sent).toEqual(['{"type":"subscribe","format":"events","gpus":["1"]}'])
  await bench.pass(300)
  expect(bench.sockets[0]?.sent[1]).toBe('{"type":"subscribe","format":"events","hosts":["a"]}')
  const heard: string[] = []
  const stop = bench.session.onReading(({ gpu }) => heard.push(gpu.uuid))
  bench.read('1')
  stop()
  bench.read('1')
  expect(heard).toEqual(['1'])
})

test('a look at one host leaves what is known of the others as it is', async () => {
  const bench = new Bench()
  bench.hostList = [hostNamed('a'), hostNamed('b')]
  bench.open()
  await bench.pass(300)
  bench.hostList = [hostNamed('a')]
  bench.session.look(hostsScope(['a']))
  await bench.pass(300)
  expect(bench.session.state.groups.value.map(({ host }) => host)).toEqual(['a', 'b'])
})

test('hosts that are listed before the socket opens, or without one, are counted', async () => {
  const bench = new Bench()
  await bench.pass(300)
  expect(bench.session.isLoaded.value).toBe(true)
  expect(bench.session.state.totals.value?.hostCount).toBe(1)
})
