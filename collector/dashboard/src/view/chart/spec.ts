// What a chart is asked to draw.
import type { Span } from '../../address/range'
import type { Metric } from '../../model/catalog'
import type { Value } from '../../model/points'

export interface ChartLine {
  /** Tells the lines of a chart apart. */
  readonly key: string
  readonly metric: Metric
  readonly title: string
  /** `limit` is a thin line of another colour's kind: what the others are measured by; `before` is another line in an earlier time. */
  readonly form: 'line' | 'step' | 'limit' | 'bars' | 'before'
  /** The place of its colour; null is its place among the lines. */
  readonly place: number | null
  /** As long as the chart's times. */
  readonly average: readonly Value[]
  /** The band around it; null where there is none to draw. */
  readonly low: readonly Value[] | null
  readonly high: readonly Value[] | null
}

export interface ChartSpec {
  readonly id: string
  readonly title: string
  readonly unit: string
  /** Seconds since 1970, ascending: the middle of each step. */
  readonly times: readonly number[]
  readonly stepSeconds: number
  readonly lines: readonly ChartLine[]
  /** The value that the scale reaches at least. */
  readonly top: number | null
  /** Times, in milliseconds, of which not everything is known: hatched. */
  readonly incomplete: readonly Span[]
  /** Milliseconds; what is drawn from here on is not over yet, and is not what the legend says. */
  readonly open: number
}
