import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { roundTicks } from '../../src/model/roundticks'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const clock = (at: number) => {
  const date = new Date(at)
  return [date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
}
const ticks = (since: string, length: number, most = 6) => {
  const from = new Date(since).getTime()
  return roundTicks({ since: from, until: from + length }, most)
}

describe.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata'])('in %s', (zone) => {
  beforeEach(() => void vi.stubEnv('TZ', zone))
  afterEach(() => void vi.unstubAllEnvs())
  test.each([
    [10_000, 2],
    [15 * MINUTE, 5 * 60],
    [HOUR, 10 * 60],
    [6 * HOUR, 3600],
    [24 * HOUR, 6 * 3600],
    [7 * 24 * HOUR, 2 * 86_400],
    [30 * 24 * HOUR, 7 * 86_400],
  ])('%d ms have ticks %d s apart', (length, apart) => {
    const { at, apartSeconds } = ticks('2026-06-10T17:23:41.300', length)
    expect(apartSeconds).toBe(apart)
    expect(at.length).toBeGreaterThan(1)
    expect(at.length).toBeLessThanOrEqual(6)
    for (const [, hours = 0, minutes = 0, seconds = 0] of at.map(clock)) {
      expect(apart >= 86_400 ? hours + minutes + seconds : (hours * 3600 + minutes * 60 + seconds) % apart).toBe(0)
    }
  })
})

test('hours stay round when clocks are put forward, and those that there are not are left out', () => {
  vi.stubEnv('TZ', 'Europe/Berlin')
  const { at } = ticks('2026-03-28T20:30:00', 24 * HOUR)
  expect(at.map((tick) => clock(tick).slice(0, 2))).toEqual([[29, 0], [29, 6], [29, 12], [29, 18]])
  vi.unstubAllEnvs()
})
