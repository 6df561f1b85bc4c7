// Groups of GPUs with what they did in a time: which of them come first, and what each amounts to.
import type { Metric } from '../catalog'
import { shortName, shortUuid } from '../format'
import { finite, instant, isObject, objects, text, type JsonObject } from '../json'
import { gpuTitle } from '../place'
import type { Aggregate, Question } from './question'

export interface GroupSeries {
  /** Tells groups apart: a host's name, a GPU's UUID, a model, a label's value; empty for the fleet. */
  readonly key: string
  readonly title: string
  /** Where the group has a page of its own. */
  readonly host: string | null
  readonly gpuUuid: string | null
  /** By the beginning of each step, in milliseconds. */
  readonly points: ReadonlyMap<number, number>
}

export interface Ranked {
  readonly series: GroupSeries
  /** What the group amounts to over the whole time. */
  readonly value: number
  readonly min: number
  readonly max: number
}

export const FLEET_TITLE = 'Whole fleet'

export function readGroupSeries(body: JsonObject): GroupSeries[] {
  return objects(body['series']).map((one) => {
    const group = isObject(one['group']) ? one['group'] : {}
    const points = Array.isArray(one['points']) ? (one['points'] as unknown[]) : []
    return { ...groupOf(group), points: new Map(points.flatMap(readPoint)) }
  })
}

function groupOf(group: JsonObject): Omit<GroupSeries, 'points'> {
  const [uuid, host, model, value] = [text(group['gpu_uuid']), text(group['host']), text(group['model']), text(group['value'])]
  if (uuid !== null) return { key: uuid, title: host === null ? shortUuid(uuid) : gpuTitle(host, finite(group['gpu_index'])), host, gpuUuid: uuid }
  if (host !== null) return { key: host, title: host, host, gpuUuid: null }
  if (model !== null) return { key: model, title: model === '' ? 'Unknown model' : shortName(model), host: null, gpuUuid: null }
  if (value !== null) return { key: value, title: value, host: null, gpuUuid: null }
  return { key: '', title: FLEET_TITLE, host: null, gpuUuid: null }
}

function readPoint(point: unknown): [number, number][] {
  const [start, value] = Array.isArray(point) ? [instant(point[0]), finite(point[1])] : [null, null]
  return start === null || value === null ? [] : [[start, value]]
}

/** Of these a part of a step is not a smaller step but a wrong one: what grew in it, and sums of those alone that were heard so far. */
export function isPartial({ agg }: Pick<Question, 'agg'>, metric: Metric | undefined): boolean {
  return metric?.kind === 'counter' || agg === 'sum'
}

/** Groups without a value are left out; equal ones stay in the order of their names. Steps from `open` on are not over. */
export function ranked(
  all: readonly GroupSeries[],
  { agg, order }: Pick<Question, 'agg' | 'order'>,
  metric: Metric | undefined,
  open = Infinity,
): Ranked[] {
  const sign = order === 'top' ? -1 : 1
  return all
    .map((series) => amountOf(series, agg, metric, open))
    .filter((found) => found !== null)
    .sort((a, b) => sign * (a.value - b.value) || a.series.title.localeCompare(b.series.title, 'en', { numeric: true }))
}

/** Over its steps the highest of the highest, the lowest of the lowest, of counters all that they grew, and otherwise the mean. A step that is not over counts only where there is no other. */
export function amountOf(series: GroupSeries, agg: Aggregate, metric: Metric | undefined, open = Infinity): Ranked | null {
  const over = [...series.points].filter(([start]) => start < open).map(([, value]) => value)
  const values = over.length > 0 ? over : [...series.points.values()]
  if (values.length === 0) return null
  const min = values.reduce((least, value) => Math.min(least, value), Infinity)
  const max = values.reduce((most, value) => Math.max(most, value), -Infinity)
  const sum = values.reduce((all, value) => all + value, 0)
  const value = addsUp({ agg }, metric) ? sum : agg === 'max' ? max : agg === 'min' ? min : sum / values.length
  return { series, value, min, max }
}

/** What its steps have is parts of one amount. */
export function addsUp({ agg }: Pick<Question, 'agg'>, metric: Metric | undefined): boolean {
  return metric?.kind === 'counter' && (agg === 'sum' || agg === 'avg')
}

/** By what share a value is more than it was; null where that says nothing. */
export function changeOf(value: number, before: number | null): number | null {
  return before === null || before === 0 ? null : (value - before) / Math.abs(before)
}
