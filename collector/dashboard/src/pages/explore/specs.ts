// From the answer to its charts: the groups as lines, and the time before as lines below, or, of few groups, among them.
import type { Metric } from '../../model/catalog'
import { AGGREGATE_TITLES, COMPARISON_TITLES, type Question } from '../../model/explore/question'
import { isPartial, type GroupSeries, type Ranked } from '../../model/explore/groups'
import type { Exploration } from '../../feed/explore'
import { openFrom, type Incomplete } from '../../model/incomplete'
import type { Value } from '../../model/points'
import { metricTitle } from '../../model/value'
import type { ChartLine, ChartSpec } from '../../view/chart/spec'

/** More lines than there are colours cannot be told apart. */
export const MOST_LINES = 8
/** So many groups have both times on one chart. */
const MOST_BESIDE = 2

export function specsOf(question: Question, metric: Metric, exploration: Exploration): ChartSpec[] {
  const { groups, before, shift, step, incomplete } = exploration
  const drawn = groups.slice(0, MOST_LINES)
  const earlier = drawn.flatMap(({ series }) => before?.get(series.key) ?? [])
  const starts = startsOf([...drawn.map((one) => ({ one, shift: 0 })), ...earlier.map((one) => ({ one, shift }))], step)
  const placeOf = (key: string) => drawn.findIndex(({ series }) => series.key === key)
  const open = openFrom(incomplete)
  const now = drawn.map(({ series }) => lineOf(isPartial(question, metric) ? untilOpen(series, open) : series, placeOf(series.key), metric, starts, step))
  const then = earlier.map(({ series }) => earlierLine(lineOf(movedBy(shift, series), placeOf(series.key), metric, starts, step)))
  const title = `${AGGREGATE_TITLES[question.agg]} of ${metricTitle(metric.name)}`
  const common = { unit: metric.unit, times: starts.map((start) => (start + step / 2) / 1000), stepSeconds: step / 1000, top: topOf([...drawn, ...earlier]), incomplete, open }
  if (earlier.length === 0) return [{ ...common, id: 'now', title, lines: now }]
  if (drawn.length <= MOST_BESIDE) return [{ ...common, id: 'now', title, lines: [...now, ...then.map(besideLine)] }]
  return [
    { ...common, id: 'now', title, lines: now },
    { ...common, id: 'before', title: `${title}, ${COMPARISON_TITLES[question.compare]}`, lines: then, incomplete: movedTo(shift, exploration.incompleteBefore), open: Infinity },
  ]
}

/** The step that is not over would be a fall at the end. */
function untilOpen(series: GroupSeries, open: number): GroupSeries {
  return { ...series, points: new Map([...series.points].filter(([start]) => start < open)) }
}

function movedTo(shift: number, all: readonly Incomplete[]): Incomplete[] {
  return all.map((one) => ({ ...one, since: one.since + shift, until: one.until + shift }))
}

interface Shifted {
  readonly one: Ranked
  readonly shift: number
}

/** Every step from the first to the last with a value, in the time that is shown. */
function startsOf(all: readonly Shifted[], step: number): number[] {
  const known = all.flatMap(({ one, shift }) => [...one.series.points.keys()].map((start) => aligned(start + shift, step)))
  const first = known.reduce((least, start) => Math.min(least, start), Infinity)
  const last = known.reduce((most, start) => Math.max(most, start), -Infinity)
  return first > last ? [] : Array.from({ length: Math.round((last - first) / step) + 1 }, (_, position) => first + position * step)
}

/** A time that is earlier by no whole number of steps has its steps between those of the time shown. */
function aligned(start: number, step: number): number {
  return Math.round(start / step) * step
}

function movedBy(shift: number, series: GroupSeries): GroupSeries {
  return { ...series, points: new Map([...series.points].map(([start, value]) => [start + shift, value])) }
}

function lineOf({ key, title, points }: GroupSeries, place: number, metric: Metric, starts: readonly number[], step: number): ChartLine {
  const byStep = new Map([...points].map(([start, value]) => [aligned(start, step), value]))
  const average = starts.map((start): Value => byStep.get(start) ?? null)
  return { key, place, metric, title, form: 'line', average, low: null, high: null }
}

function earlierLine(line: ChartLine): ChartLine {
  return { ...line, key: `before ${line.key}` }
}

/** On the chart of the time shown each line has to say of which time it is. */
function besideLine(line: ChartLine): ChartLine {
  return { ...line, title: `${line.title}, before`, form: 'before' }
}

/** The same for both times, so that their charts compare. */
function topOf(all: readonly Ranked[]): number | null {
  return all.length === 0 ? null : Math.max(...all.map(({ max }) => max))
}
