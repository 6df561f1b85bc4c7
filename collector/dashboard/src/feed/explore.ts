// The past of many groups: first which of them come first, then the lines of these, and the same of the time that they are compared with.
import type { Span } from '../address/range'
import type { Metric } from '../model/catalog'
import { addsUp, isPartial, ranked, readGroupSeries, type GroupSeries, type Ranked } from '../model/explore/groups'
import { comparedShift, isRankedFirst, LABEL, lineStep, rankingStep, type Question } from '../model/explore/question'
import { openFrom, readIncomplete, type Incomplete } from '../model/incomplete'
import { coarser } from '../model/steps'
import { spanParameters } from './past'
import type { Api, Parameters } from './api'

export interface Exploration {
  /** The time that was asked about. */
  readonly span: Span
  /** In order; at most as many as were asked for. */
  readonly groups: readonly Ranked[]
  /** How many groups there are. */
  readonly found: number
  /** Milliseconds from point to point. */
  readonly step: number
  /** The same groups in the time before, by key; null where nothing is compared. */
  readonly before: ReadonlyMap<string, Ranked> | null
  /** Milliseconds by which that time is earlier. */
  readonly shift: number
  /** What is not known for good of the time shown, and, at the instants that it had, of the time before. */
  readonly incomplete: readonly Incomplete[]
  readonly incompleteBefore: readonly Incomplete[]
}

interface Lines {
  readonly series: readonly GroupSeries[]
  /** Seconds. */
  readonly step: number
  readonly incomplete: readonly Incomplete[]
}

/** Where the question is confined to. */
export interface Confined {
  readonly host: readonly string[]
  readonly gpu: readonly string[]
}

type AskApi = Pick<Api, 'pages'>
const PAGE_LIMIT = '1000'
/** Samples are kept a day at least; of what is older only rollups may be left. */
const SURELY_KEPT_MS = 20 * 3_600_000

export async function explore(
  api: AskApi,
  question: Question,
  confined: Confined,
  metric: Metric | undefined,
  span: Span,
  now: number,
  abort: AbortSignal,
): Promise<Exploration> {
  const asked = new Asking(api, question, confined, now, abort)
  const chosen = isRankedFirst(question.by) ? await chosenOf(asked, question, metric, span) : null
  const found = chosen?.found
  if (chosen !== null && chosen.keys.length === 0) return { ...NOTHING, span, step: 1_000 * lineStep(question, span) }
  const lines = await asked.lines(span, chosen?.keys ?? null)
  const open = openFrom(lines.incomplete)
  const groups = ranked(lines.series, question, metric, open)
  const shift = comparedShift(question.compare, span)
  const before = shift === null ? null : await asked.lines({ since: span.since - shift, until: span.until - shift }, chosen?.keys ?? null, lines.step)
  return {
    span,
    groups: groups.slice(0, Number(question.n)),
    found: found ?? groups.length,
    step: 1_000 * lines.step,
    // The same steps of both times count: the last of the time shown is not over.
    before: before && new Map(ranked(before.series, question, metric, open - (shift ?? 0)).map((one) => [one.series.key, one])),
    shift: shift ?? 0,
    incomplete: lines.incomplete,
    incompleteBefore: before?.incomplete ?? [],
  }
}

const NOTHING: Omit<Exploration, 'span' | 'step'> = { groups: [], found: 0, before: null, shift: 0, incomplete: [], incompleteBefore: [] }

async function chosenOf(asked: Asking, question: Question, metric: Metric | undefined, span: Span) {
  const { series, incomplete } = await asked.series(span, rankingStep(span), {})
  // These steps are long: the one that is not over counts, where its part is no wrong value.
  const all = ranked(series, question, metric, isPartial(question, metric) && !addsUp(question, metric) ? openFrom(incomplete) : Infinity)
  return { keys: all.slice(0, Number(question.n)).map(({ series }) => series.key), found: all.length }
}

/** One question, with what its parts have in common. */
class Asking {
  constructor(
    private readonly api: AskApi,
    private readonly question: Question,
    private readonly confined: Confined,
    private readonly now: number,
    private readonly abort: AbortSignal,
  ) {}

  /** Of these hosts or GPUs, or of all groups. Steps are in seconds. */
  async lines(span: Span, keys: readonly string[] | null, wanted?: number): Promise<Lines> {
    const isOld = this.now - span.since > SURELY_KEPT_MS
    const first = wanted ?? lineStep(this.question, span)
    const only = keys === null ? {} : this.question.by === 'host' ? { host: keys } : { gpu_uuid: keys }
    for (let step: number | null = first; step !== null; step = isOld && wanted === undefined ? coarser(step) : null) {
      const lines = await this.series(span, step, only)
      if (lines.series.some(({ points }) => points.size > 0)) return lines
    }
    return { series: [], step: first, incomplete: [] }
  }

  async series(span: Span, step: number, only: Parameters): Promise<Lines> {
    const { metric, agg, by } = this.question
    const groups = by.startsWith(LABEL) ? { group_by: 'label', label: by.slice(LABEL.length) } : { group_by: by }
    const confined = { host: this.confined.host, gpu_uuid: this.confined.gpu }
    const parameters = { metrics: metric, agg, ...groups, ...confined, ...only, ...spanParameters(span), step: String(step), limit: PAGE_LIMIT }
    const bodies = await this.api.pages('/api/v1/series', parameters, this.abort)
    return { series: bodies.flatMap(readGroupSeries), step, incomplete: readIncomplete(bodies) }
  }
}
