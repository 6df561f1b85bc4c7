// Is a value still true? Judged by when readings arrived here, so that a wrong clock on a host or in the browser makes nothing stale or fresh.
import type { GpuState } from './gpu'
import type { HostState } from './host'

export const STALE_AFTER_PERIODS = 2.5
const DEFAULT_PERIOD = 5_000
const SHORTEST_PERIOD = 1_000
const GAPS_KEPT = 5

/** When a reading came. All times in milliseconds; `receivedAt` on the page's own clock. */
export interface Arrival {
  readonly recordedAt: number
  readonly receivedAt: number
  /** How old it was when it came: readings of the state at connect may be of any age, live ones count from their arrival. */
  readonly ageThen: number
  /** The latest gaps between live arrivals. */
  readonly gaps: readonly number[]
}

export interface Delivery {
  readonly recordedAt: number
  readonly now: number
  /** Set for the state at connect: the age of the reading by the collector's clock. */
  readonly ageAtConnect: number | null
}

/** The arrival after `previous`; the same reading again changes nothing. An earlier instant is news too: a clock was set back. */
export function arrive(previous: Arrival | null, delivery: Delivery): Arrival {
  const { recordedAt, now, ageAtConnect } = delivery
  if (previous !== null && recordedAt === previous.recordedAt) return previous
  if (ageAtConnect !== null) {
    return { recordedAt, receivedAt: now, ageThen: Math.max(0, ageAtConnect), gaps: previous?.gaps ?? [] }
  }
  const gaps = previous === null ? [] : [...previous.gaps, now - previous.receivedAt].slice(-GAPS_KEPT)
  return { recordedAt, receivedAt: now, ageThen: 0, gaps }
}

export function age(arrival: Arrival, now: number): number {
  return arrival.ageThen + Math.max(0, now - arrival.receivedAt)
}

/** How often readings come: the longer of what the agent says and what is seen, since several ticks may travel together. */
export function period(arrival: Arrival, declared: number | null): number {
  const seen = arrival.gaps.length >= 3 ? median(arrival.gaps) : null
  const longest = Math.max(declared ?? 0, seen ?? 0)
  return longest === 0 ? DEFAULT_PERIOD : Math.max(SHORTEST_PERIOD, longest)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

export type StaleCause = 'disconnected' | 'host' | 'gpu' | 'old' | 'never'

const SILENT_STATES: ReadonlySet<GpuState> = new Set(['lost', 'hung'])

export interface Freshness {
  /** Null when the reading is fresh. */
  readonly stale: StaleCause | null
  /** Milliseconds since the reading, null when there is none. */
  readonly age: number | null
}

export interface Circumstances {
  readonly isConnected: boolean
  readonly hostState: HostState
  readonly gpuState: GpuState
  readonly interval: number | null
  readonly now: number
}

export function judge(arrival: Arrival | null, circumstances: Circumstances): Freshness {
  const { isConnected, hostState, gpuState, interval, now } = circumstances
  if (arrival === null) return { stale: 'never', age: null }
  const old = age(arrival, now)
  if (!isConnected) return { stale: 'disconnected', age: old }
  if (hostState !== 'up') return { stale: 'host', age: old }
  if (SILENT_STATES.has(gpuState)) return { stale: 'gpu', age: old }
  return { stale: old > STALE_AFTER_PERIODS * period(arrival, interval) ? 'old' : null, age: old }
}
