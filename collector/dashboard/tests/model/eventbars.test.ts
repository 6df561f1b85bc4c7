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
