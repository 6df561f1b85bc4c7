// Flags over time as runs: from when to when each of them was set.
import type { Value } from './points'

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
