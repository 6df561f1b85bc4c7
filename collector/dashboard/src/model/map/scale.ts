// What a cell of the map looks like: a step on a ramp for values, a mark beside the colour for what is wrong or not known.
import type { GpuState } from '../gpu'
import type { HostState } from '../host'

/** Steps of a ramp: more than the eye tells apart, few enough to draw cells of one colour together. */
export const STEPS = 24

export type RampName = 'load' | 'memory' | 'heat' | 'power'

/** For quantities. */
export interface RampScale {
  readonly kind: 'ramp'
  readonly ramp: RampName
  readonly lowest: number
  readonly highest: number
}

/** For what is no quantity: a few classes, mildest first. */
export interface ClassScale {
  readonly kind: 'classes'
  /** Of which the steps of the classes are. */
  readonly ramp: RampName
  readonly classes: readonly Class[]
  /** The place of a value's class among them. */
  readonly classOf: (value: number) => number
}

export interface Class extends Look {
  readonly title: string
}

export type Scale = RampScale | ClassScale

/** In the place of a colour: what is wrong, or why nothing is known. */
export type Trouble = 'absent' | 'stale' | 'lost' | 'hung' | 'mismatch' | 'asleep'
/** On the colour of a class. */
export type ClassMark = 'benign' | 'limit' | 'warning'
/** Beside or instead of a colour, so that nothing is told by colour alone. */
export type Mark = 'none' | Trouble | ClassMark

export interface Look {
  /** 0 to STEPS - 1, and -1 where there is no value. */
  readonly step: number
  readonly mark: Mark
}

const SCALES: Readonly<Record<string, RampScale>> = {
  temperature_celsius: ramp('heat', 25, 95),
  memory_temperature_celsius: ramp('heat', 25, 105),
  fan_speed_percent: ramp('heat', 0, 100),
  memory_utilization_percent: ramp('memory', 0, 100),
  dram_active_percent: ramp('memory', 0, 100),
  performance_state: ramp('load', 0, 15),
}

/** A scale for any metric: percentages go to 100, others as far as what is there. */
export function scaleOf(metric: string, unit: string, largest: number): RampScale {
  const known = SCALES[metric]
  if (known) return known
  if (unit === '%') return ramp('load', 0, 100)
  const name = unit === 'W' ? 'power' : unit === 'MiB' ? 'memory' : unit === '°C' ? 'heat' : 'load'
  return ramp(name, 0, roundUp(largest, unit))
}

/** A share of something, such as memory used of all there is. */
export function shareScale(name: RampName): RampScale {
  return ramp(name, 0, 100)
}

function ramp(name: RampName, lowest: number, highest: number): RampScale {
  return { kind: 'ramp', ramp: name, lowest, highest }
}

export function stepOf(scale: RampScale, value: number): number {
  const share = (value - scale.lowest) / (scale.highest - scale.lowest)
  const step = Math.floor(share * STEPS)
  return Number.isNaN(step) ? 0 : Math.min(Math.max(step, 0), STEPS - 1)
}

const MARKS: Readonly<Record<GpuState, Trouble | 'none'>> = {
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
  if (value === null) return NO_VALUE
  if (scale.kind === 'ramp') return { step: stepOf(scale, value), mark: 'none' }
  return scale.classes[scale.classOf(value)] ?? NO_VALUE
}

const NO_VALUE: Look = { step: -1, mark: 'absent' }

/** The larger units in which people read a value, largest first. */
const LARGER_UNITS: Readonly<Record<string, readonly number[]>> = {
  MiB: [2 ** 20, 2 ** 10],
  'MiB/s': [2 ** 20, 2 ** 10],
  J: [3_600_000, 1_000],
}

/** The next of 1, 2, 5, 10, 20 ... of the unit in which it is read. */
function roundUp(value: number, unit: string): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1
  const by = LARGER_UNITS[unit]?.find((size) => value >= size) ?? 1
  const power = 10 ** Math.floor(Math.log10(value / by))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power * by >= value) ?? 10
  return factor * power * by
}
