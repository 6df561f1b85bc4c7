import { expect, test } from 'vitest'
import { Timeline, type Bucket } from '../../src/model/timeline'

const STEP = 10_000

function bucket(start: number, count: number, avg: number, min = avg, max = avg): Bucket {
  return { start, count, values: { power_watts: { avg, min, max } } }
}

function column(timeline: Timeline, span = { since: 0, until: 1_000_000 }) {
  const starts = timeline.starts(span)
  return { starts, ...timeline.column('power_watts', starts) }
}

test('history ends where live readings begin, within one step, and every reading counts once', () => {
  const timeline = new Timeline(STEP)
  // Two readings of the step before 14 s are history, the one at 12 s is in it as well as heard live.
  timeline.load([bucket(0, 10, 100), bucket(10_000, 2, 200, 190, 210)], { since: 0, until: 14_000 })
  timeline.add(12_000, { power_watts: 210 })
  timeline.add(14_000, { power_watts: 300 })
  timeline.add(16_000, { power_watts: 500 })
  const { starts, average, low, high } = column(timeline)
  expect(starts).toEqual([0, 10_000])
  expect(average).toEqual([100, (200 * 2 + 300 + 500) / 4])
  expect([low[1], high[1]]).toEqual([190, 500])
})

test('what was read live gives way to history once that has settled', () => {
  const timeline = new Timeline(STEP)
  timeline.load([], { since: 0, until: 10_000 })
  for (const at of [10_000, 15_000, 20_000, 25_000]) timeline.add(at, { power_watts: 1 })
  // A reading that never came here was stored all the same.
  timeline.load([bucket(10_000, 3, 7), bucket(20_000, 1, 9)], { since: 10_000, until: 25_000 })
  expect(column(timeline).average).toEqual([7, (9 + 1) / 2])
})

test('a step that history no longer tells of is gone', () => {
  const timeline = new Timeline(STEP)
  timeline.load([bucket(0, 1, 1), bucket(10_000, 1, 2)], { since: 0, until: 20_000 })
  timeline.load([], { since: 10_000, until: 20_000 })
  expect(column(timeline).starts).toEqual([0])
})

test('an absent value is absent, and 0 is 0', () => {
  const timeline = new Timeline(STEP)
  timeline.load([{ start: 0, count: 5, values: { power_watts: null } }], { since: 0, until: 10_000 })
  timeline.add(10_000, { power_watts: 0 })
  timeline.add(20_000, { power_watts: null })
  expect(column(timeline).average).toEqual([null, 0, null])
})

test('a value that comes back within a step counts for itself alone', () => {
  const timeline = new Timeline(STEP)
  timeline.load([{ start: 0, count: 5, values: { power_watts: null } }], { since: 0, until: 5_000 })
  timeline.add(6_000, { power_watts: 40 })
  expect(column(timeline).average).toEqual([40])
})

test('the same reading again, or an older one, changes nothing', () => {
  const timeline = new Timeline(STEP)
  timeline.add(10_000, { power_watts: 10 })
  timeline.add(10_000, { power_watts: 99 })
  timeline.add(9_000, { power_watts: 99 })
  expect(column(timeline).average).toEqual([10])
})

test('only the time that is asked for is given, and what is past it can be forgotten', () => {
  const timeline = new Timeline(STEP)
  timeline.load([bucket(0, 1, 1), bucket(10_000, 1, 2), bucket(20_000, 1, 3)], { since: 0, until: 30_000 })
  expect(timeline.starts({ since: 15_000, until: 20_000 })).toEqual([10_000])
  timeline.forget(15_000)
  expect(column(timeline).starts).toEqual([10_000, 20_000])
})

test('how many readings steps have is told by most of them', () => {
  const timeline = new Timeline(STEP)
  expect(timeline.usualCount).toBe(0)
  timeline.load([bucket(0, 1, 1), bucket(10_000, 4, 2), bucket(20_000, 4, 3)], { since: 0, until: 30_000 })
  expect(timeline.usualCount).toBe(4)
})
