// Events as marks on a chart: those that would cover each other become one.
import type { Span } from '../address/range'
import type { Happening, Severity } from './happening'

export interface Mark {
  /** Of the first, in milliseconds. */
  readonly at: number
  /** 0 to 1 of the width of the chart. */
  readonly place: number
  /** The worst of them. */
  readonly severity: Severity
  /** Oldest first. */
  readonly happenings: readonly Happening[]
}

const BY_WEIGHT: readonly Severity[] = ['info', 'warning', 'critical']

/** Marks of a span, at least `apart` (a share of its width) from each other. */
export function marksOf(happenings: readonly Happening[], { since, until }: Span, apart: number): Mark[] {
  const within = happenings.filter(({ occurredAt }) => occurredAt >= since && occurredAt < until)
  const groups: Happening[][] = []
  const place = (at: number) => (at - since) / (until - since)
  for (const happening of within.sort((a, b) => a.occurredAt - b.occurredAt)) {
    const group = groups.at(-1)
    const first = group?.[0]
    if (group && first && place(happening.occurredAt) - place(first.occurredAt) < apart) group.push(happening)
    else groups.push([happening])
  }
  return groups.flatMap((group) => {
    const [first] = group
    if (!first) return []
    const heaviest = Math.max(...group.map(({ severity }) => BY_WEIGHT.indexOf(severity)))
    return [{ at: first.occurredAt, place: place(first.occurredAt), severity: BY_WEIGHT[heaviest] ?? 'info', happenings: group }]
  })
}
