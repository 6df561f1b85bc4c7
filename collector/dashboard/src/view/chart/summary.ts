// A chart in words, for those who do not see it.
import type { Span } from '../../address/range'
import { spanText } from '../../model/instant'
import type { Value } from '../../model/points'
import { meanText } from '../../model/value'
import type { ChartLine, ChartSpec } from './spec'

export function summaryOf(spec: ChartSpec, span: Span): string {
  const lines = spec.lines.map((line) => lineSummary(spec, line)).filter((line) => line !== null)
  const when = spanText(span.since, span.until)
  return lines.length === 0 ? `No values, ${when}.` : `${when}. ${lines.join(' ')}`
}

/** The values at one point: `GPU utilization 93 %, memory utilization 40 %`. */
export function pointText(spec: ChartSpec, index: number): string {
  return spec.lines.map((line) => `${line.title} ${textAt(line, index) ?? 'n/a'}`).join(', ')
}

export function textAt({ metric, average }: ChartLine, index: number): string | null {
  const value = average[index] ?? null
  return value === null ? null : meanText(metric, value)
}

/** The position of the latest value of a step that is over, or, where there is none, of the latest of all. */
export function latestOf({ times, open }: ChartSpec, values: readonly Value[]): number | null {
  const over = values.findLastIndex((value, position) => value !== null && (times[position] ?? 0) * 1000 < open)
  const latest = over < 0 ? values.findLastIndex((value) => value !== null) : over
  return latest < 0 ? null : latest
}

function lineSummary(spec: ChartSpec, { metric, title, average, low, high }: ChartLine): string | null {
  const end = (latestOf(spec, average) ?? -1) + 1
  const known = average.slice(0, end).filter((value) => value !== null)
  const latest = known.at(-1)
  if (latest === undefined) return null
  const text = (value: number) => meanText(metric, value)
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length
  const lowest = least((low ?? average).slice(0, end))
  const highest = most((high ?? average).slice(0, end))
  return `${title}: ${text(latest)} at the end, ${text(mean)} on average, from ${text(lowest)} to ${text(highest)}.`
}

function least(values: readonly Value[]): number {
  return values.reduce<number>((found, value) => (value === null ? found : Math.min(found, value)), Infinity)
}

function most(values: readonly Value[]): number {
  return values.reduce<number>((found, value) => (value === null ? found : Math.max(found, value)), -Infinity)
}
