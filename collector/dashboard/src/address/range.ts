// A range of time as people choose it: the last so many seconds, or from one instant to another; and what zoom and pan make of it.
import type { Field } from './fields'

export type Range =
  | { readonly kind: 'last'; readonly seconds: number }
  /** Milliseconds since 1970; [since, until). */
  | { readonly kind: 'fixed'; readonly since: number; readonly until: number }

export interface Span {
  readonly since: number
  readonly until: number
}

const SECOND = 1_000
const DAY_SECONDS = 86_400
/** The shortest and the longest range that is shown: below it there is nothing to see, beyond it nothing is kept. */
export const SHORTEST_SECONDS = 10
export const LONGEST_SECONDS = 731 * DAY_SECONDS
const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: DAY_SECONDS } as const

export function last(text: string): Range {
  return readLast(text) ?? { kind: 'last', seconds: 3_600 }
}

export function spanOf(range: Range, now: number): Span {
  return range.kind === 'fixed' ? range : { since: now - range.seconds * SECOND, until: now }
}

/** Whole seconds, in order, neither too short nor too long, and not in the future. */
export function fixed({ since, until }: Span, now: number): Range {
  const most = LONGEST_SECONDS * SECOND
  const end = Math.min(Math.ceil(Math.max(since, until) / SECOND) * SECOND, Math.ceil(now / SECOND) * SECOND)
  const begin = Math.floor(Math.min(since, until) / SECOND) * SECOND
  return { kind: 'fixed', since: Math.max(end - most, Math.min(begin, end - SHORTEST_SECONDS * SECOND)), until: end }
}

/** Moved by a share of its length: -0.5 is half a range earlier. At the present it stops. */
export function panned({ since, until }: Span, share: number, now: number): Range {
  const shift = Math.min((until - since) * share, Math.max(0, now - until))
  return fixed({ since: since + shift, until: until + shift }, now)
}

/** Around its middle, or, where that would reach beyond the present, up to the present: 2 is twice as long. */
export function widened({ since, until }: Span, factor: number, now: number): Range {
  const more = ((until - since) * (factor - 1)) / 2
  const end = Math.min(until + more, now)
  return fixed({ since: end - (until - since) * factor, until: end }, now)
}

/** `6h`, or `20260101T000000Z-20260101T060000Z`: nothing in it needs to be escaped in an address. */
export function writeRange(range: Range): string {
  if (range.kind === 'fixed') return `${writeInstant(range.since)}-${writeInstant(range.until)}`
  const unit = (['d', 'h', 'm', 's'] as const).find((name) => range.seconds % UNIT_SECONDS[name] === 0) ?? 's'
  return `${range.seconds / UNIT_SECONDS[unit]}${unit}`
}

export function readRange(text: string): Range | null {
  return readLast(text) ?? readFixed(text)
}

export function rangeField(usual: Range): Field<Range> {
  return { usual, read: ([text = '']) => readRange(text), write: (range) => [writeRange(range)] }
}

function readLast(text: string): Range | null {
  const [, count, unit] = /^(\d{1,8})([smhd])$/.exec(text) ?? []
  if (count === undefined || unit === undefined) return null
  const seconds = Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS]
  return seconds < SHORTEST_SECONDS || seconds > LONGEST_SECONDS ? null : { kind: 'last', seconds }
}

function readFixed(text: string): Range | null {
  const [first, second, ...rest] = text.split('-')
  const since = readInstant(first ?? '')
  const until = readInstant(second ?? '')
  if (since === null || until === null || rest.length > 0) return null
  const seconds = (until - since) / SECOND
  return seconds < SHORTEST_SECONDS || seconds > LONGEST_SECONDS ? null : { kind: 'fixed', since, until }
}

function writeInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/[-:]|\.\d+/g, '')
}

function readInstant(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second] = match
  const found = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // Date.parse lets 30 February be 2 March.
  return Number.isNaN(found) || writeInstant(found) !== text ? null : found
}
