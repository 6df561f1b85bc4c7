// How many events there were in each part of a time, by severity: when it was that much happened.
import type { Span } from '../address/range'
import type { Happening, Severity } from './happening'

export interface EventBar extends Span {
  readonly counts: Readonly<Record<Severity, number>>
  readonly total: number
}

/** `count` bars of equal length. */
export function eventBars(happenings: readonly Happening[], { since, until }: Span, count: number): EventBar[] {
  const length = (until - since) / count
  const counts = Array.from({ length: count }, () => ({ critical: 0, warning: 0, info: 0 }))
  for (const { occurredAt, severity } of happenings) {
    const bar = counts[Math.floor((occurredAt - since) / length)]
    if (bar) bar[severity] += 1
  }
  return counts.map((own, position) => ({
    since: since + position * length,
    until: since + (position + 1) * length,
    counts: own,
    total: own.critical + own.warning + own.info,
  }))
}
