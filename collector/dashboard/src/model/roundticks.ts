// Where the lines of a time axis stand: at the round times of the clock on the wall.
import type { Span } from '../address/range'

const MINUTE = 60
const HOUR = 3_600
const DAY = 86_400

/** By how much ticks may be apart, in seconds; days are those of the calendar. */
const STEPS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 182, 364].map((days) => days * DAY),
]

export interface Ticks {
  /** Milliseconds since 1970. */
  readonly at: readonly number[]
  readonly apartSeconds: number
}

/** `most` of them at most, in the time zone of the browser. */
export function roundTicks({ since, until }: Span, most: number): Ticks {
  const apartSeconds = STEPS.find((step) => (until - since) / 1000 / step <= most) ?? (until - since) / 1000
  const midnight = new Date(since)
  midnight.setHours(0, 0, 0, 0)
  const at: number[] = []
  for (let seconds = 0; ; seconds += apartSeconds) {
    const tick = onTheWall(midnight, seconds)
    if (tick >= until) return { at, apartSeconds }
    if (tick >= since && tick !== at.at(-1)) at.push(tick)
  }
}

/** So long after midnight as clocks show it, also across a night in which they are put forward or back. */
function onTheWall(midnight: Date, seconds: number): number {
  return new Date(midnight.getFullYear(), midnight.getMonth(), midnight.getDate(), 0, 0, seconds).getTime()
}
