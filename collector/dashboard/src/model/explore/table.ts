// How amounts are written that stand beside each other to be compared: in one unit, and with what they changed by.
import { scaleOf } from '../axis'
import type { Metric } from '../catalog'
import { fixed, withUnit } from '../format'
import { usualGap } from '../points'
import { meanText, valueText } from '../value'
import { changeOf, type GroupSeries } from './groups'

/** Other units have no larger ones, or none in which such amounts are known. */
const SCALED: ReadonlySet<string> = new Set(['W', 'J', 'MiB', 'MiB/s', 'MB/s'])
const DIGITS = 3
const MOST_DECIMALS = 4

/** Writes the amounts of a column in the unit that fits the highest of the table, all with the decimals that fit the highest of the column. */
export function columnText(metric: Metric, highestOfTable: number, column: readonly number[]): (value: number) => string {
  if (metric.unit === '%' || metric.unit === 'state') {
    const decimals = column.some((value) => !Number.isInteger(value) && value < 9.95) ? 1 : 0
    return (value) => valueText(metric, value, decimals)
  }
  if (!SCALED.has(metric.unit)) return (value) => meanText(metric, value)
  const { unit, by } = scaleOf(metric.unit, highestOfTable)
  const highest = column.reduce((most, value) => Math.max(most, Math.abs(value) / by), 0)
  const before = highest === 0 ? DIGITS : Math.floor(Math.log10(highest)) + 1
  const decimals = Math.min(MOST_DECIMALS, Math.max(0, DIGITS - before))
  return (value) => withUnit(fixed(value / by, decimals), unit)
}

/** Of these a share says nothing: they are shares themselves, or their zero is not nothing. They change by so many of these. */
const DIFFERENCES: Readonly<Record<string, string>> = { '%': 'pts', '°C': '°C', state: '' }

/** `+12 %`, or of per cents `−3 pts`; null where nothing can be said. More is not better or worse in itself, so that it has no colour. */
export function changeText(metric: Metric, value: number, before: number | null): string | null {
  const unit = DIFFERENCES[metric.unit]
  if (unit !== undefined && before !== null) return signed(value - before, Math.max(value, before) < 9.95 ? 1 : 0, unit)
  const share = changeOf(value, before)
  return share === null ? null : signed(100 * share, 0, '%')
}

function signed(value: number, digits: number, unit: string): string {
  const size = fixed(Math.abs(value), digits)
  const sign = Number(size.replaceAll(',', '')) === 0 ? '±' : value > 0 ? '+' : '−'
  return withUnit(sign + size, unit)
}

/** Less than this of a time is only a part of it. */
const NEARLY_ALL = 0.9

/** For how long there is data, in milliseconds, where that is only a part of the time; null where it is nearly all. */
export function partOf({ points }: GroupSeries, step: number, length: number): number | null {
  const covered = points.size * Math.max(step, usualGap([...points.keys()]))
  return covered < NEARLY_ALL * length ? covered : null
}
