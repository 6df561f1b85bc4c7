import { expect, test } from 'vitest'
import { eventBars } from '../../src/model/eventbars'
import type { Happening, Severity } from '../../src/model/happening'

function happening(occurredAt: number, severity: Severity = 'info'): Happening {
  return { id: `${occurredAt}`, host: 'a', gpuUuid: null, gpuIndex: null, gpuName: null, kind: 'xid', severity, code: null, text: '', occurredAt }
}

test('bars are of equal length and cover the time without a gap', () => {
  const bars = eventBars([], { since: 0, until: 100 }, 4)
  expect(bars.map(({ since, until }) => [since, until])).toEqual([[0, 25], [25, 50], [50, 75], [75, 100]])
})

test('each event is in the bar of its moment, by its severity', () => {
  const bars = eventBars([happening(0), happening(24, 'critical'), happening(25), happening(99, 'warning')], { since: 0, until: 100 }, 4)
  expect(bars.map(({ total }) => total)).toEqual([2, 1, 0, 1])
  expect(bars[0]?.counts).toEqual({ critical: 1, warning: 0, info: 1 })
})

test('what lies outside of the time is in no bar', () => {
  const bars = eventBars([happening(-1), happening(100)], { since: 0, until: 100 }, 4)
  expect(bars.every(({ total }) => total === 0)).toBe(true)
})

test('while time goes on the bars stay what they are, and a new one comes now and then', () => {
  const [begun, hour] = [1_764_343_289_123.4, 3_600_000]
  const begins = (seconds: number) => eventBars([], { since: begun + 1_000 * seconds - hour, until: begun + 1_000 * seconds }, 60).map(({ since }) => since)
  expect(new Set([0, 1, 2].map((seconds) => begins(seconds).join())).size).toBe(1)
  expect(begins(60)).toEqual(begins(0).map((since) => since + 60_000))
})

test('every moment of the time is in a bar', () => {
  for (const since of [0, 0.3, 17, 24.9, 25, 1_764_343_319_123.456]) {
    for (const length of [100, 101, 3_600_000.001]) {
      const happened = [since, since + length / 3, since + length - 0.001].map((at) => happening(at))
      const bars = eventBars(happened, { since, until: since + length }, 60)
      expect(bars.reduce((sum, { total }) => sum + total, 0)).toBe(3)
      expect(bars.length).toBeLessThanOrEqual(61)
    }
  }
})
