// How many events there were in each part of a time, by severity: when it was that much happened.
import type { Span } from '../address/range'
import type { Happening, Severity } from './happening'

export interface EventBar extends Span {
  readonly counts: Readonly<Record<Severity, number>>
  readonly total: number
}

/** By so much the length of "the last hour" is another from second to second: milliseconds since 1970 have little more. */
const ROUNDING_MS = 0.01

/**
 * Bars of one length, `count` of which are as long as the time. They begin at multiples of it, so that those of "the
 * last hour" stay what they are while time goes on: the first and the last may reach beyond the time.
 */
export function eventBars(happenings: readonly Happening[], { since, until }: Span, count: number): EventBar[] {
  const length = Math.max(1, Math.ceil((until - since) / count - ROUNDING_MS))
  const first = Math.floor(since / length)
  const begins = Array.from({ length: count + 1 }, (_, position) => (first + position) * length).filter((begin) => begin < until)
  const counts = begins.map(() => ({ critical: 0, warning: 0, info: 0 }))
  for (const { occurredAt, severity } of happenings) {
    const bar = counts[Math.floor(occurredAt / length) - first]
    if (bar) bar[severity] += 1
  }
  return counts.map((own, position) => ({
    since: (first + position) * length,
    until: (first + position + 1) * length,
    counts: own,
    total: own.critical + own.warning + own.info,
  }))
}
