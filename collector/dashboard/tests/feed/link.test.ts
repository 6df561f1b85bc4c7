import { expect, test } from 'vitest'
import { Link, type LinkState } from '../../src/feed/link'

class FakeSocket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { reason: string }) => void) | null = null
  isClosed = false

  close(): void {
    this.isClosed = true
  }
}

function made() {
  const sockets: FakeSocket[] = []
  const states: LinkState[] = []
  const messages: string[] = []
  const timers: { action: () => void; delay: number; isCancelled: boolean }[] = []
  const clock = { now: 0 }
  const link = new Link(
    { onState: (state) => states.push(state), onMessage: (raw) => messages.push(raw) },
    {
      open: () => {
        const socket = new FakeSocket()
        sockets.push(socket)
        return socket as unknown as WebSocket
      },
      now: () => clock.now,
      random: () => 1,
      schedule: (action, delay) => timers.push({ action, delay, isCancelled: false }) - 1,
      cancel: (timer) => {
        const found = timers[timer]
        if (found) found.isCancelled = true
      },
    },
  )
  const phases = () => states.map((state) => state.phase)
  return { link, sockets, states, messages, timers, clock, phases }
}

test('goes live, and hands on what it hears', () => {
  const { link, sockets, messages, phases } = made()
  link.start()
  sockets[0]?.onopen?.()
  sockets[0]?.onmessage?.({ data: 'hello' })
  expect(phases()).toEqual(['connecting', 'live'])
  expect(messages).toEqual(['hello'])
})

test('waits longer after every failure, and says until when and why', () => {
  const { link, sockets, states, timers } = made()
  link.start()
  sockets[0]?.onclose?.({ reason: 'going away' })
  expect(states.at(-1)).toEqual({ phase: 'waiting', retryAt: 1_000, reason: 'going away' })
  timers[0]?.action()
  sockets[1]?.onclose?.({ reason: '' })
  expect(states.at(-1)).toEqual({ phase: 'waiting', retryAt: 2_000, reason: null })
})

test('a connection that held starts again with a short wait; one that did not, does not', () => {
  const { link, sockets, timers, clock } = made()
  link.start()
  for (const round of [0, 1, 2]) {
    sockets[round]?.onopen?.()
    sockets[round]?.onclose?.({ reason: '' })
    timers[round]?.action()
  }
  expect(timers.map(({ delay }) => delay)).toEqual([1_000, 2_000, 4_000])
  sockets[3]?.onopen?.()
  clock.now += 5_000
  sockets[3]?.onclose?.({ reason: '' })
  expect(timers.at(-1)?.delay).toBe(1_000)
})

test('tries at once when asked, and only one connection at a time', () => {
  const { link, sockets, timers } = made()
  link.start()
  sockets[0]?.onclose?.({ reason: '' })
  link.retryNow()
  link.retryNow()
  expect(sockets).toHaveLength(2)
  expect(timers[0]?.isCancelled).toBe(true)
})

test('a connection that only looks open is given up', () => {
  const { link, sockets, phases } = made()
  link.start()
  sockets[0]?.onopen?.()
  link.restart()
  expect(sockets[0]?.isClosed).toBe(true)
  expect(sockets[0]?.onclose).toBeNull()
  expect(phases()).toEqual(['connecting', 'live', 'waiting'])
})

test('stops for good, twice too', () => {
  const { link, sockets, timers } = made()
  link.start()
  sockets[0]?.onclose?.({ reason: '' })
  link.stop()
  link.stop()
  expect(timers[0]?.isCancelled).toBe(true)
})
