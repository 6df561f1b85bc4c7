// What a cell of the map looks like: a step on a ramp for values, a mark beside the colour for what is wrong or not known.
import type { GpuState } from '../gpu'
import type { HostState } from '../host'

/** Steps of a ramp: more than the eye tells apart, few enough to draw cells of one colour together. */
export const STEPS = 24

export type RampName = 'load' | 'memory' | 'heat' | 'power'

export interface Scale {
  readonly ramp: RampName
  readonly lowest: number
  readonly highest: number
}

/** Beside or instead of a colour, so that nothing is told by colour alone. */
export type Mark = 'none' | 'absent' | 'stale' | 'lost' | 'hung' | 'mismatch' | 'asleep'

export interface Look {
  /** 0 to STEPS - 1, and -1 where there is no value. */
  readonly step: number
  readonly mark: Mark
}

const SCALES: Readonly<Record<string, Scale>> = {
  temperature_celsius: { ramp: 'heat', lowest: 25, highest: 95 },
  memory_temperature_celsius: { ramp: 'heat', lowest: 25, highest: 105 },
  fan_speed_percent: { ramp: 'heat', lowest: 0, highest: 100 },
  memory_utilization_percent: { ramp: 'memory', lowest: 0, highest: 100 },
  dram_active_percent: { ramp: 'memory', lowest: 0, highest: 100 },
}

/** A scale for any metric: percentages go to 100, others as far as what is there. */
export function scaleOf(metric: string, unit: string, largest: number): Scale {
  const known = SCALES[metric]
  if (known) return known
  if (unit === '%') return { ramp: 'load', lowest: 0, highest: 100 }
  const ramp = unit === 'W' ? 'power' : unit === 'MiB' ? 'memory' : unit === '°C' ? 'heat' : 'load'
  return { ramp, lowest: 0, highest: roundUp(largest) }
}

/** A share of something, such as memory used of all there is. */
export function shareScale(ramp: RampName): Scale {
  return { ramp, lowest: 0, highest: 100 }
}

export function stepOf(scale: Scale, value: number): number {
  const share = (value - scale.lowest) / (scale.highest - scale.lowest)
  const step = Math.floor(share * STEPS)
  return Number.isNaN(step) ? 0 : Math.min(Math.max(step, 0), STEPS - 1)
}

const MARKS: Readonly<Record<GpuState, Mark>> = {
  ok: 'none',
  unknown: 'none',
  lost: 'lost',
  hung: 'hung',
  driver_mismatch: 'mismatch',
  suspended: 'asleep',
}

/** A GPU in trouble says so whatever its value; one whose host is silent shows nothing as new. */
export function lookOf(scale: Scale, value: number | null, state: GpuState, host: HostState): Look {
  const trouble = MARKS[state]
  if (trouble !== 'none') return { step: -1, mark: trouble }
  if (host !== 'up' && host !== 'late') return { step: -1, mark: 'stale' }
  return value === null ? { step: -1, mark: 'absent' } : { step: stepOf(scale, value), mark: 'none' }
}

/** The next of 1, 2, 5, 10, 20 ... */
function roundUp(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= value) ?? 10
  return factor * power
}
