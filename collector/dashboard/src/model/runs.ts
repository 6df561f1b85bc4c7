// Flags over time as runs: from when to when each of them was set.
import { bridged, longestGap, type Value } from './points'

export interface Run {
  /** Milliseconds. */
  readonly since: number
  readonly until: number
}

/** Steps that follow each other are one run. `bits` is one number per step, null where nothing was read. */
export function runsOf(starts: readonly number[], step: number, bits: readonly Value[], flag: number): Run[] {
  const runs: { since: number; until: number }[] = []
  starts.forEach((start, position) => {
    const value = bits[position] ?? null
    if (value === null || (BigInt(Math.trunc(value)) & BigInt(flag)) === 0n) return
    const latest = runs.at(-1)
    if (latest !== undefined && start <= latest.until) latest.until = start + step
    else runs.push({ since: start, until: start + step })
  })
  return runs
}

/** Steps without a reading, from the first step up to `until`: of these nobody knows what was set. Where steps usually have no more than one reading, only those count between readings that are further apart than usual. */
export function unreadRuns(starts: readonly number[], step: number, bits: readonly Value[], until: number, usualCount: number): Run[] {
  const runs: { since: number; until: number }[] = []
  const add = (since: number, end: number) => {
    const latest = runs.at(-1)
    if (latest !== undefined && since <= latest.until) latest.until = end
    else runs.push({ since, until: end })
  }
  const last = bits.findLastIndex((value) => value !== null)
  const drawn = usualCount > 1 ? bits : bridged(starts, bits, step)
  drawn.slice(0, last + 1).forEach((value, position) => {
    const start = starts[position] ?? 0
    if (value === null) add(start, start + step)
  })
  const end = (starts[last] ?? until) + step
  if (until - end > longestGap(starts, bits, step)) add(end, until)
  return runs
}

/** All flags that are known to have been set in each step: those of its least and of its greatest reading. */
export function unionOf(low: readonly Value[], high: readonly Value[]): Value[] {
  return low.map((value, position) => {
    const other = high[position] ?? null
    return value === null || other === null ? (value ?? other) : Number(BigInt(Math.trunc(value)) | BigInt(Math.trunc(other)))
  })
}

export function totalMs(runs: readonly Run[]): number {
  return runs.reduce((sum, { since, until }) => sum + until - since, 0)
}
