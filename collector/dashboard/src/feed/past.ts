// The past of one GPU, asked for as charts need it: gauges in buckets with their spread, counters as what they grew by, and what happened.
import type { Span } from '../address/range'
import { readHappenings, type Happening } from '../model/happening'
import { openFrom, readIncomplete, type Incomplete } from '../model/incomplete'
import { finite, instant, isObject, objects, text, type JsonObject } from '../model/json'
import { readProcesses, type Process } from '../model/process'
import { coarser } from '../model/steps'
import type { Bucket, Spread } from '../model/timeline'
import type { Api, Parameters } from './api'

const BUCKET_LIMIT = '1000'
/** Of one time; older ones than the newest so many are not marked. */
const HAPPENING_LIMIT = '500'

export interface Past {
  readonly buckets: readonly Bucket[]
  /** Milliseconds. Longer than asked for where nothing finer is kept. */
  readonly step: number
}

type AskApi = Pick<Api, 'get' | 'pages'>

/** `isOld` is a time of which the collector may have nothing finer than its rollups any more. */
export async function askBuckets(
  api: AskApi,
  uuid: string,
  metrics: readonly string[],
  span: Span,
  step: number,
  isOld: boolean,
  abort: AbortSignal,
): Promise<Past> {
  for (let seconds: number | null = step / 1000; seconds !== null; seconds = isOld ? coarser(seconds) : null) {
    const parameters = { ...spanParameters(span), gpu_uuid: uuid, metrics: metrics.join(','), step: String(seconds), limit: BUCKET_LIMIT }
    const bodies = await api.pages('/api/system/gpu-stats/history', parameters, abort)
    const buckets = bodies.flatMap((body) => objects(body['buckets'])).map(readBucket).filter((found) => found !== null)
    if (buckets.length > 0) return { buckets, step: seconds * 1000 }
  }
  return { buckets: [], step }
}

/** By how much each counter grew in each step that is over, by the step's beginning in milliseconds. */
export type Growth = ReadonlyMap<string, ReadonlyMap<number, number>>

export interface Grown {
  readonly growth: Growth
  /** Of which times it may still change. */
  readonly incomplete: readonly Incomplete[]
}

export async function askGrowth(
  api: AskApi,
  uuid: string,
  counters: readonly string[],
  span: Span,
  step: number,
  abort: AbortSignal,
): Promise<Grown> {
  if (counters.length === 0) return { growth: new Map(), incomplete: [] }
  const parameters = { ...spanParameters(span), gpu_uuid: uuid, metrics: counters.join(','), agg: 'sum', group_by: 'gpu', step: String(step / 1000) }
  const body = await api.get('/api/v1/series', parameters, abort)
  const incomplete = readIncomplete([body])
  const open = openFrom(incomplete)
  return { growth: new Map(objects(body['series']).flatMap((series) => readSeries(series, open))), incomplete }
}

export async function askHappenings(api: AskApi, filter: Parameters, span: Span, abort: AbortSignal): Promise<Happening[]> {
  return readHappenings([await api.get('/api/v1/events', { ...filter, ...spanParameters(span), limit: HAPPENING_LIMIT }, abort)])
}

export interface HappeningPage {
  readonly happenings: readonly Happening[]
  /** The cursor of the next older page of the same filter and time; null where there is none. */
  readonly next: string | null
}

/** Newest first. */
export async function askHappeningPage(
  api: Pick<Api, 'get'>,
  filter: Parameters,
  span: Span,
  cursor: string | null,
  abort: AbortSignal,
): Promise<HappeningPage> {
  const page = cursor === null ? {} : { cursor }
  const body = await api.get('/api/v1/events', { ...filter, ...spanParameters(span), ...page, limit: HAPPENING_LIMIT }, abort)
  return { happenings: readHappenings([body]), next: text(body['next_cursor']) }
}

export async function askProcesses(api: AskApi, filter: Parameters, abort: AbortSignal): Promise<Process[]> {
  return readProcesses(await api.pages('/api/v1/processes', { ...filter, limit: BUCKET_LIMIT }, abort))
}

export function spanParameters({ since, until }: Span): Readonly<Record<'since' | 'until', string>> {
  return { since: new Date(since).toISOString(), until: new Date(until).toISOString() }
}

const NOT_METRICS: ReadonlySet<string> = new Set(['host', 'gpu_uuid', 'start', 'count', 'complete'])

function readBucket(data: JsonObject): Bucket | null {
  const start = instant(data['start'])
  if (start === null) return null
  const values: Record<string, Spread | null> = {}
  for (const [name, value] of Object.entries(data)) if (!NOT_METRICS.has(name)) values[name] = readSpread(value)
  return { start, count: finite(data['count']) ?? 1, values }
}

function readSpread(data: unknown): Spread | null {
  if (!isObject(data)) return null
  const [avg, min, max] = [finite(data['avg']), finite(data['min']), finite(data['max'])]
  return avg === null || min === null || max === null ? null : { avg, min, max }
}

/** Without the steps from `open` on: a part of what will have grown in them looks as if the rest had not. */
function readSeries(series: JsonObject, open: number): [string, ReadonlyMap<number, number>][] {
  const metric = text(series['metric'])
  const points = Array.isArray(series['points']) ? (series['points'] as unknown[]) : []
  if (metric === null) return []
  const read = points.flatMap((point): [number, number][] => {
    const [start, value] = Array.isArray(point) ? [instant(point[0]), finite(point[1])] : [null, null]
    return start === null || value === null || start >= open ? [] : [[start, value]]
  })
  return [[metric, new Map(read)]]
}
