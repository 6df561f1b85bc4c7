// What may be asked about the past of the fleet, and which of it goes with which metric.
import type { Span } from '../../address/range'
import { stepFor } from '../steps'

export const AGGREGATES = ['avg', 'sum', 'max', 'min', 'p50', 'p95'] as const
export type Aggregate = (typeof AGGREGATES)[number]

export const AGGREGATE_TITLES: Readonly<Record<Aggregate, string>> = {
  avg: 'Mean',
  sum: 'Sum',
  max: 'Highest',
  min: 'Lowest',
  p50: 'Median',
  p95: '95th percentile',
}

export const COUNTS = ['5', '8', '20', '50'] as const
export type Count = (typeof COUNTS)[number]

export const COMPARISONS = ['none', 'before', '1d', '7d', '30d'] as const
export type Comparison = (typeof COMPARISONS)[number]

export const COMPARISON_TITLES: Readonly<Record<Comparison, string>> = {
  none: 'nothing',
  before: 'the time before',
  '1d': 'a day before',
  '7d': 'a week before',
  '30d': '30 days before',
}

export const LABEL = 'label:'

export interface Question {
  readonly metric: string
  readonly agg: Aggregate
  /** `fleet`, `host`, `model`, `gpu`, or `label:NAME`. */
  readonly by: string
  readonly order: 'top' | 'bottom'
  readonly n: Count
  readonly compare: Comparison
}

const DAY_MS = 86_400_000

/** By how much earlier the time is that the one shown is compared with; null for none. */
export function comparedShift(compare: Comparison, { since, until }: Span): number | null {
  if (compare === 'none') return null
  return compare === 'before' ? until - since : Number.parseInt(compare, 10) * DAY_MS
}

export function isPercentile(agg: Aggregate): boolean {
  return agg === 'p50' || agg === 'p95'
}

const FROM_ROLLUPS_SECONDS = 300
const FROM_MINUTES_SECONDS = 60
const RANKING_POINTS = 12

/** Seconds from point to point of lines: what may be read of a whole fleet comes from its minutes and rollups. */
export function lineStep({ by, agg }: Pick<Question, 'by' | 'agg'>, { since, until }: Span): number {
  const least = isPercentile(agg) || by.startsWith(LABEL) ? FROM_ROLLUPS_SECONDS : by === 'fleet' || by === 'model' ? FROM_MINUTES_SECONDS : 0
  return Math.max(least, stepFor((until - since) / 1000))
}

/** Seconds of the few points by which all groups are put in order before the lines of some are asked for. */
export function rankingStep({ since, until }: Span): number {
  const seconds = (until - since) / 1000 / RANKING_POINTS
  return [300, 600, 1_800, 3_600, 7_200, 21_600, 86_400].find((step) => step >= seconds) ?? 86_400
}

/** Where the groups are as many as hosts or GPUs, lines are asked only of those that are shown. */
export function isRankedFirst(by: string): boolean {
  return by === 'host' || by === 'gpu'
}
