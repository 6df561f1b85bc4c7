import { describe, expect, test } from 'vitest'
import { age, arrive, judge, period, type Arrival, type Circumstances } from '../../src/model/freshness'

const live = (recordedAt: number, now: number) => ({ recordedAt, now, ageAtConnect: null })
const up: Circumstances = { isConnected: true, hostState: 'up', gpuState: 'ok', interval: 5_000, now: 100_000 }
const readAt = (receivedAt: number): Arrival => ({ recordedAt: 1, receivedAt, ageThen: 0, gaps: [] })

function readings(count: number, gap: number): Arrival {
  let arrival = arrive(null, live(0, 0))
  for (let index = 1; index < count; index++) arrival = arrive(arrival, live(index * gap, index * gap))
  return arrival
}

describe('arrival', () => {
  test('a live reading is new when it comes, whatever the clocks say', () => {
    const fromTheFuture = arrive(null, live(9_999_999_999, 1_000))
    expect(age(fromTheFuture, 1_000)).toBe(0)
    expect(age(fromTheFuture, 43_000)).toBe(42_000)
  })
  test('the state at connect brings its age along', () => {
    const arrival = arrive(null, { recordedAt: 1, now: 1_000, ageAtConnect: 60_000 })
    expect(age(arrival, 2_000)).toBe(61_000)
  })
  test('an age below zero is none', () => {
    expect(age(arrive(null, { recordedAt: 1, now: 1_000, ageAtConnect: -60_000 }), 1_000)).toBe(0)
  })
  test('the same reading again does not make it younger', () => {
    const first = arrive(null, live(1, 1_000))
    expect(arrive(first, live(1, 50_000))).toBe(first)
  })
  test('a clock set back does not stop the page', () => {
    const first = arrive(null, live(1_000_000, 1_000))
    expect(arrive(first, live(500, 6_000)).receivedAt).toBe(6_000)
  })
})

describe('period', () => {
  test('is what the agent says', () => expect(period(readAt(0), 30_000)).toBe(30_000))
  test('is five seconds while nobody knows', () => expect(period(readAt(0), null)).toBe(5_000))
  test('is what is seen, when readings come less often than they are taken', () => {
    expect(period(readings(5, 10_000), 1_000)).toBe(10_000)
  })
  test('one long pause does not stretch it', () => {
    const steady = readings(5, 1_000)
    expect(period(arrive(steady, live(999_999, 604_000)), 1_000)).toBe(1_000)
  })
})

describe('judgement', () => {
  test('fresh up to 2.5 periods, stale beyond', () => {
    expect(judge(readAt(100_000 - 12_500), up).stale).toBeNull()
    expect(judge(readAt(100_000 - 12_501), up)).toEqual({ stale: 'old', age: 12_501 })
  })
  test.each(['late', 'down', 'left', 'unknown'] as const)('stale at once when the host is %s', (hostState) => {
    expect(judge(readAt(100_000), { ...up, hostState }).stale).toBe('host')
  })
  test.each(['lost', 'hung'] as const)('stale at once when the GPU is %s', (gpuState) => {
    expect(judge(readAt(100_000), { ...up, gpuState }).stale).toBe('gpu')
  })
  test('stale at once without a connection', () => {
    expect(judge(readAt(99_000), { ...up, isConnected: false })).toEqual({ stale: 'disconnected', age: 1_000 })
  })
  test('never read has no age', () => expect(judge(null, up)).toEqual({ stale: 'never', age: null }))
})
