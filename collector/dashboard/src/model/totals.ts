// Sums over GPUs, of fresh readings only: power, memory and counts take whole GPUs, activity takes instances where the parent's is absent.
import { metric, type GpuIdentity, type MetricValues } from './gpu'

export interface Summand {
  readonly gpu: GpuIdentity
  readonly values: MetricValues
  readonly isFresh: boolean
}

export interface Totals {
  /** Whole GPUs known. */
  readonly gpus: number
  /** Whole GPUs with a fresh reading. */
  readonly fresh: number
  /** Whole GPUs lost, hung or otherwise not ok. */
  readonly troubled: number
  /** Means and sums are null when nothing could be read. */
  readonly utilization: number | null
  readonly memoryUsed: number | null
  readonly memoryTotal: number | null
  readonly power: number | null
  readonly powerLimit: number | null
  readonly hottest: number | null
}

export const TROUBLED: ReadonlySet<string> = new Set(['lost', 'hung', 'driver_mismatch'])

export function totalsOf(summands: Iterable<Summand>): Totals {
  const all = [...summands]
  const whole = all.filter(({ gpu }) => gpu.parentUuid === null)
  const fresh = whole.filter(({ isFresh }) => isFresh)
  const memory = bothKnown(fresh, 'memory_used_mb', 'memory_total_mb')
  return {
    gpus: whole.length,
    fresh: fresh.length,
    troubled: whole.filter(({ gpu }) => TROUBLED.has(gpu.state)).length,
    utilization: mean(activity(all, fresh, 'gpu_utilization_percent')),
    memoryUsed: memory[0],
    memoryTotal: memory[1],
    power: sum(known(fresh, 'power_watts')),
    powerLimit: sum(known(fresh, 'power_limit_watts')),
    hottest: largest(known(fresh, 'temperature_celsius')),
  }
}

function known(summands: readonly Summand[], name: string): number[] {
  return summands.map(({ values }) => metric(values, name)).filter((value) => value !== null)
}

/** Two sums over the GPUs on which both are known, so that one stays a part of the other. */
function bothKnown(summands: readonly Summand[], part: string, whole: string): [number | null, number | null] {
  const complete = summands.filter(({ values }) => metric(values, part) !== null && metric(values, whole) !== null)
  return [sum(known(complete, part)), sum(known(complete, whole))]
}

function activity(all: readonly Summand[], whole: readonly Summand[], name: string): number[] {
  const silent = new Set(whole.filter(({ values }) => metric(values, name) === null).map(({ gpu }) => gpu.uuid))
  const instances = all.filter(({ gpu, isFresh }) => isFresh && gpu.parentUuid !== null && silent.has(gpu.parentUuid))
  return [...known(whole, name), ...known(instances, name)]
}

function sum(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0)
}

function mean(values: readonly number[]): number | null {
  const total = sum(values)
  return total === null ? null : total / values.length
}

function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}
