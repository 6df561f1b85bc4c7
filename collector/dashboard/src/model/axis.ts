// The scale of a chart's values: where it begins and ends, and what stands at its lines, by the unit of the metric.
import { fixed, withUnit } from './format'

export interface Reach {
  readonly min: number
  readonly max: number
}

/** Memory is counted in powers of two, everything else in tens. */
const BINARY_UNITS: ReadonlySet<string> = new Set(['MiB', 'MiB/s'])

/** Temperatures and clocks far from zero would be a flat line at the upper edge. */
const FLOATING_UNITS: ReadonlySet<string> = new Set(['°C', 'MHz'])
const SMALLEST_REACH: Readonly<Record<string, number>> = { '°C': 30, MHz: 400 }

/** From zero, up to `top` where there is one, with some air above the highest value. */
export function reachOf(unit: string, data: Reach | null, top: number | null): Reach {
  if (unit === '%' && (data === null || data.max <= 100)) return { min: 0, max: 100 }
  if (data === null) return { min: 0, max: top ?? 1 }
  if (FLOATING_UNITS.has(unit)) return floating(data, SMALLEST_REACH[unit] ?? 1)
  const highest = Math.max(data.max, top ?? 0)
  return { min: Math.min(0, data.min), max: highest <= 0 ? 1 : highest * 1.05 }
}

function floating({ min, max }: Reach, smallest: number): Reach {
  const missing = Math.max(0, smallest - (max - min))
  const air = (max - min + missing) * 0.06
  const low = Math.max(0, min - missing / 2 - air)
  return { min: low, max: Math.max(max + air, low + smallest) }
}

const POWERS_OF_TWO = Array.from({ length: 36 }, (_, power) => 2 ** (power - 4))
const TENS = Array.from({ length: 19 }, (_, power) => power - 3).flatMap((power) => [1, 2, 2.5, 5].map((step) => step * 10 ** power))

/** What is measured, and may have decimals; everything else is counted. */
const MEASURED = /^(%|°C|s|W|J|MHz|MB\/s)$/

/** By how much the lines of an axis may be apart. */
export function stepsOf(unit: string): number[] {
  if (BINARY_UNITS.has(unit)) return POWERS_OF_TWO
  return MEASURED.test(unit) ? TENS : TENS.filter(Number.isInteger)
}

export interface Scale {
  readonly unit: string
  readonly by: number
}

/** Beside the unit itself, the larger ones, largest first. */
const LARGER: Readonly<Record<string, readonly Scale[]>> = {
  MiB: [{ unit: 'TiB', by: 2 ** 20 }, { unit: 'GiB', by: 2 ** 10 }],
  'MiB/s': [{ unit: 'TiB/s', by: 2 ** 20 }, { unit: 'GiB/s', by: 2 ** 10 }],
  'MB/s': [{ unit: 'TB/s', by: 10 ** 6 }, { unit: 'GB/s', by: 1_000 }],
  W: [{ unit: 'MW', by: 10 ** 6 }, { unit: 'kW', by: 1_000 }],
  J: [{ unit: 'kWh', by: 3_600_000 }, { unit: 'kJ', by: 1_000 }],
  MHz: [{ unit: 'GHz', by: 1_000 }],
}

/** The unit that fits an amount. */
export function scaleOf(unit: string, highest: number): Scale {
  return LARGER[unit]?.find(({ by }) => highest >= by) ?? { unit, by: 1 }
}

/** One text per line of the axis, all in the unit that fits the highest; units that are words are left to the title. */
export function axisTexts(unit: string, values: readonly number[]): string[] {
  const highest = Math.max(...values.map(Math.abs), 0)
  const scale = scaleOf(unit, highest)
  const scaled = values.map((value) => value / scale.by)
  const digits = digitsFor(scaled)
  if (unit === 'state') return values.map((value) => `P${fixed(value, digits)}`)
  const shown = /^(%|°C|s|W|kW|MW|J|kJ|kWh|MHz|GHz|[KMGT]i?B(\/s)?)$/.test(scale.unit) ? scale.unit : ''
  return scaled.map((value) => withUnit(fixed(value, digits), shown))
}

/** As few decimals as still tell neighbours apart. */
function digitsFor(values: readonly number[]): number {
  const isTold = (digits: number) => values.every((value) => Math.abs(value - Number(value.toFixed(digits))) < 1e-9)
  return [0, 1, 2].find(isTold) ?? 3
}
