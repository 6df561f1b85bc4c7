// What one GPU did, in steps of one length: history up to an instant, live readings from there on, joined so that every reading counts once.
import type { Span } from '../address/range'
import type { MetricValues } from './gpu'
import type { Value } from './points'

export interface Spread {
  readonly avg: number
  readonly min: number
  readonly max: number
}

export interface Bucket {
  /** Milliseconds; a multiple of the step. */
  readonly start: number
  readonly count: number
  readonly values: Readonly<Record<string, Spread | null>>
}

export interface Column {
  readonly average: readonly Value[]
  readonly low: readonly Value[]
  readonly high: readonly Value[]
}

interface Reading {
  readonly at: number
  readonly values: MetricValues
}

/** More live readings than this are not kept apart; by then history has them long since. */
const MOST_LIVE = 5_000

export class Timeline {
  private readonly settled = new Map<number, Bucket>()
  private live: Reading[] = []
  /** Up to here history speaks; null before there is any. */
  private until: number | null = null

  /** `step` in milliseconds. */
  constructor(readonly step: number) {}

  get isEmpty(): boolean {
    return this.settled.size === 0 && this.live.length === 0
  }

  /** All buckets of [since, until), which begins with a whole one: what was known of that time gives way, live readings too. */
  load(buckets: readonly Bucket[], { since, until }: Span): void {
    for (const start of this.settled.keys()) if (start >= since && start < until) this.settled.delete(start)
    for (const bucket of buckets) this.settled.set(bucket.start, bucket)
    this.until = Math.max(until, this.until ?? until)
    this.live = this.live.filter(({ at }) => at >= (this.until ?? at))
  }

  /** A live reading; what history has already told is left out, and so is the same reading again. */
  add(at: number, values: MetricValues): void {
    const latest = this.live.at(-1)
    if ((this.until !== null && at < this.until) || (latest !== undefined && at <= latest.at)) return
    this.live.push({ at, values })
    if (this.live.length > MOST_LIVE) this.live.shift()
  }

  /** Nothing before this instant is needed any more. */
  forget(before: number): void {
    for (const start of this.settled.keys()) if (start + this.step <= before) this.settled.delete(start)
  }

  /** The beginnings of the steps with readings, ascending, in milliseconds. */
  starts({ since, until }: Span): number[] {
    const starts = new Set(this.settled.keys())
    for (const { at } of this.live) starts.add(this.startOf(at))
    return [...starts].filter((start) => start + this.step > since && start < until).sort((a, b) => a - b)
  }

  /** How many readings a step of history has: the median. */
  get usualCount(): number {
    const counts = [...this.settled.values()].map(({ count }) => count).sort((a, b) => a - b)
    return counts[Math.floor(counts.length / 2)] ?? 0
  }

  /** The values of one metric, one for each of these steps. */
  column(name: string, starts: readonly number[]): Column {
    const readings = this.byStep(name)
    const spreads = starts.map((start) => this.joined(this.settled.get(start), readings.get(start) ?? [], name))
    return {
      average: spreads.map((spread) => spread?.avg ?? null),
      low: spreads.map((spread) => spread?.min ?? null),
      high: spreads.map((spread) => spread?.max ?? null),
    }
  }

  private byStep(name: string): Map<number, number[]> {
    const found = new Map<number, number[]>()
    for (const { at, values } of this.live) {
      const value = values[name] ?? null
      if (value === null) continue
      const start = this.startOf(at)
      const known = found.get(start)
      if (known) known.push(value)
      else found.set(start, [value])
    }
    return found
  }

  private joined(bucket: Bucket | undefined, readings: readonly number[], name: string): Spread | null {
    const before = bucket?.values[name] ?? null
    if (bucket === undefined || before === null) return spreadOf(readings)
    if (readings.length === 0) return before
    const sum = readings.reduce((total, value) => total + value, before.avg * bucket.count)
    return {
      avg: sum / (bucket.count + readings.length),
      min: Math.min(before.min, ...readings),
      max: Math.max(before.max, ...readings),
    }
  }

  private startOf(at: number): number {
    return Math.floor(at / this.step) * this.step
  }
}

function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null
  return { avg: values.reduce((sum, value) => sum + value, 0) / values.length, min: Math.min(...values), max: Math.max(...values) }
}
