// From what a GPU did to the charts of it: one per plan that has values in the time shown; the rest is named.
import type { Span } from '../../address/range'
import type { Metric } from '../../model/catalog'
import { duration } from '../../model/format'
import { openFrom } from '../../model/incomplete'
import { isLimit, isStepped, type ChartPlan } from '../../model/panels'
import type { Value } from '../../model/points'
import { metricTitle } from '../../model/value'
import type { Drawn } from '../../state/gpupast'
import type { ChartLine, ChartSpec } from '../../view/chart/spec'

export interface Charts {
  readonly specs: readonly ChartSpec[]
  /** Counters that were read and did not grow. */
  readonly quiet: readonly Metric[]
  /** Nothing was read of these. */
  readonly missing: readonly Metric[]
  /** Counters of which no step is over yet. */
  readonly begun: readonly Metric[]
}

export interface Ground {
  readonly drawn: Drawn
  /** The beginnings of the steps, in milliseconds. */
  readonly starts: readonly number[]
  /** Where their points stand, in seconds. */
  readonly times: readonly number[]
}

/** Every step from the first to the last that was read: those in between without readings are gaps. A point stands in the middle of its step, or, while that is not over, at the present. */
export function groundOf(drawn: Drawn, span: Span): Ground {
  const starts = withoutHoles(drawn.timeline.starts(span), drawn.step)
  return { drawn, starts, times: starts.map((start) => Math.min(start + drawn.step / 2, Math.max(start, span.until)) / 1000) }
}

function withoutHoles(starts: readonly number[], step: number): number[] {
  const [first, last] = [starts[0], starts.at(-1)]
  if (first === undefined || last === undefined) return []
  return Array.from({ length: Math.round((last - first) / step) + 1 }, (_, position) => first + position * step)
}

export function chartsOf(plans: readonly ChartPlan[], ground: Ground): Charts {
  const specs: ChartSpec[] = []
  const quiet: Metric[] = []
  const missing: Metric[] = []
  const begun: Metric[] = []
  const open = openFrom(ground.drawn.incomplete)
  const isBegun = ground.starts.every((start) => start >= open)
  for (const plan of plans) {
    const lines: ChartLine[] = []
    for (const metric of plan.metrics) {
      const line = metric.kind === 'counter' ? growthLine(metric, ground) : gaugeLine(metric, ground)
      const known = line.average.filter((value) => value !== null)
      if (known.length === 0) (metric.kind === 'counter' && isBegun ? begun : missing).push(metric)
      else if (metric.kind === 'counter' && known.every((value) => value === 0)) quiet.push(metric)
      else lines.push(line)
    }
    // A limit alone limits nothing.
    if (lines.some(({ form }) => form !== 'limit')) specs.push(specOf(plan, lines, ground))
  }
  return { specs: specs.sort((a, b) => weightOf(a) - weightOf(b)), quiet, missing, begun }
}

/** What varies comes before what jumps now and then, and that before what only adds up. */
function weightOf({ lines }: ChartSpec): number {
  return Math.max(...lines.map(({ form }) => ['limit', 'line', 'step', 'bars'].indexOf(form)))
}

function specOf(plan: ChartPlan, lines: readonly ChartLine[], { times, drawn }: Ground): ChartSpec {
  const isGrowth = lines.every(({ form }) => form === 'bars')
  const title = isGrowth ? `${plan.title} in each ${duration(drawn.step)}` : plan.title
  return { id: plan.id, title, unit: plan.unit, times, stepSeconds: drawn.step / 1000, lines, top: null, incomplete: isGrowth ? drawn.incomplete : [], open: Infinity }
}

function gaugeLine(metric: Metric, { drawn, starts }: Ground): ChartLine {
  const { average, low, high } = drawn.timeline.column(metric.name, starts)
  const isPlain = isLimit(metric) || isStepped(metric)
  const form = isLimit(metric) ? 'limit' : isStepped(metric) ? 'step' : 'line'
  return { key: metric.name, place: null, metric, title: metricTitle(metric.name), form, average, low: isPlain ? null : low, high: isPlain ? null : high }
}

function growthLine(metric: Metric, { drawn, starts }: Ground): ChartLine {
  const growth = drawn.growth.get(metric.name)
  const average = starts.map((start): Value => growth?.get(start) ?? null)
  return { key: metric.name, place: null, metric, title: metricTitle(metric.name), form: 'bars', average, low: null, high: null }
}
