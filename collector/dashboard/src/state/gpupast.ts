// What one GPU did in the time that its charts show: asked for once, continued by live readings, and its end asked for again now and then, when everything that was on its way has come.
import { signal, type Signal } from '@preact/signals'
import { spanOf, writeRange, type Range, type Span } from '../address/range'
import { ApiError, type Api } from '../feed/api'
import { Cache } from '../feed/cache'
import { askBuckets, askGrowth, type Grown, type Past } from '../feed/past'
import type { GpuReading, MetricValues } from '../model/gpu'
import { stepFor } from '../model/steps'
import { Timeline } from '../model/timeline'

export interface Question {
  readonly range: Range
  /** Asked for with their spread. */
  readonly gauges: readonly string[]
  /** Asked for as what they grew by. */
  readonly counters: readonly string[]
}

/** A new object whenever there is something new to draw. */
export interface Drawn extends Grown {
  readonly timeline: Timeline
  /** Milliseconds. */
  readonly step: number
}

export interface PastEnvironment {
  readonly api: Pick<Api, 'get' | 'pages'>
  readonly collectorNow: () => number
  readonly schedule: (action: () => void, delay: number) => number
  readonly cancel: (timer: number) => void
}

interface Answer extends Past, Grown {}

const REFRESH_MS = 30_000
const DRAW_EVERY_MS = 1_000
/** What was read so long ago is stored by now, if it is to be. */
const SETTLE_MS = 15_000
/** A newest reading older than this does not say where the present begins. */
const RECENT_MS = 60_000
const MOST_RECENT = 300
/** Samples are kept a day at least; of what is older only rollups may be left. */
const SURELY_KEPT_MS = 20 * 3_600_000

/** Times of the past that were shown a moment ago: back and forward are drawn at once. */
const MOST_CACHED = 16
const CACHED_MS = 120_000

export class GpuPast {
  readonly drawn: Signal<Drawn | null> = signal(null)
  readonly isLoading = signal(true)
  readonly failure: Signal<ApiError | null> = signal(null)
  private readonly cache: Cache<Answer>
  private question: Question | null = null
  private abort: AbortController | null = null
  private recent: { readonly at: number; readonly values: MetricValues }[] = []
  private until = 0
  private readonly timers = new Set<number>()
  private drawTimer: number | null = null

  constructor(
    private readonly uuid: string,
    private readonly environment: PastEnvironment,
  ) {
    this.cache = new Cache(MOST_CACHED, CACHED_MS, environment.collectorNow)
  }

  show(question: Question): void {
    this.question = question
    void this.load()
  }

  /** Everything once more: after an error, or an interruption. */
  again(): void {
    if (this.question !== null) void this.load()
  }

  hear({ recordedAt, values }: Pick<GpuReading, 'recordedAt' | 'values'>): void {
    if (recordedAt === null || recordedAt <= (this.recent.at(-1)?.at ?? -Infinity)) return
    this.recent = [...this.recent.slice(1 - MOST_RECENT), { at: recordedAt, values }]
    const drawn = this.drawn.peek()
    if (drawn === null || this.question?.range.kind !== 'last') return
    drawn.timeline.add(recordedAt, values)
    this.drawSoon()
  }

  stop(): void {
    this.abort?.abort()
    for (const timer of this.timers) this.environment.cancel(timer)
    this.timers.clear()
  }

  private async load(): Promise<void> {
    const { question } = this
    if (question === null) return
    this.stop()
    this.drawTimer = null
    const now = this.environment.collectorNow()
    const span = spanOf(question.range, now)
    const step = stepFor((span.until - span.since) / 1000) * 1000
    const asked = { since: Math.floor(span.since / step) * step, until: question.range.kind === 'last' ? this.handover(now) : span.until }
    this.isLoading.value = true
    const answer = await this.attempt((abort) => this.answer(question, asked, step, abort))
    if (answer === null) {
      if (this.failure.peek() !== null && this.question === question) this.later(() => void this.load(), REFRESH_MS)
      return
    }
    this.isLoading.value = false
    const timeline = new Timeline(answer.step)
    timeline.load(answer.buckets, asked)
    this.until = asked.until
    if (question.range.kind === 'last') {
      for (const { at, values } of this.recent) timeline.add(at, values)
      this.later(() => void this.refresh(), REFRESH_MS)
    }
    const { growth, incomplete } = answer
    this.drawn.value = { timeline, growth, incomplete, step: answer.step }
  }

  private async answer(question: Question, span: Span, step: number, abort: AbortSignal): Promise<Answer> {
    const key = question.range.kind === 'fixed' ? `${writeRange(question.range)} ${question.gauges.join()}` : null
    const known = key === null ? undefined : this.cache.get(key)
    if (known) return known
    const { api, collectorNow } = this.environment
    const isOld = collectorNow() - span.since > SURELY_KEPT_MS
    const growthIn = (steps: number) => askGrowth(api, this.uuid, question.counters, span, steps, abort)
    const [past, fine] = await Promise.all([askBuckets(api, this.uuid, question.gauges, span, step, isOld, abort), growthIn(step)])
    const answer = { ...past, ...(past.step === step ? fine : await growthIn(past.step)) }
    if (key !== null) this.cache.put(key, answer)
    return answer
  }

  /** The end of the time once more; what has settled by now replaces the live readings of it. */
  private async refresh(): Promise<void> {
    const { question } = this
    const drawn = this.drawn.peek()
    if (question === null || drawn === null) return
    const { timeline, step } = drawn
    const now = this.environment.collectorNow()
    const { since } = spanOf(question.range, now)
    const tail = { since: Math.floor((this.until - Math.max(step, RECENT_MS)) / step) * step, until: Math.max(this.until, this.handover(now) - SETTLE_MS) }
    const whole = { since: Math.floor(since / step) * step, until: now }
    const answer = await this.attempt(async (abort) => {
      const { api } = this.environment
      return Promise.all([
        askBuckets(api, this.uuid, question.gauges, tail, step, false, abort),
        askGrowth(api, this.uuid, question.counters, whole, step, abort),
      ])
    })
    this.later(() => void this.refresh(), REFRESH_MS)
    if (answer === null) return
    const [past, grown] = answer
    if (past.step === step) {
      timeline.load(past.buckets, tail)
      this.until = tail.until
    }
    timeline.forget(whole.since)
    this.drawn.value = { timeline, ...grown, step }
  }

  /** Null when it was abandoned or failed. */
  private async attempt<T>(ask: (abort: AbortSignal) => Promise<T>): Promise<T | null> {
    const abort = new AbortController()
    this.abort = abort
    try {
      const answer = await ask(abort.signal)
      this.failure.value = null
      return answer
    } catch (error) {
      if (abort.signal.aborted) return null
      if (!(error instanceof ApiError)) throw error
      this.failure.value = error
      this.isLoading.value = false
      return null
    }
  }

  /** Before it history speaks, from it on live readings: at the newest of them, by the clock that stamps them. */
  private handover(now: number): number {
    const newest = this.recent.at(-1)?.at ?? -Infinity
    return newest > now - RECENT_MS ? newest : now
  }

  private drawSoon(): void {
    if (this.drawTimer !== null) return
    this.drawTimer = this.later(() => {
      this.drawTimer = null
      const drawn = this.drawn.peek()
      if (drawn !== null) this.drawn.value = { ...drawn }
    }, DRAW_EVERY_MS)
  }

  private later(action: () => void, delay: number): number {
    const timer = this.environment.schedule(() => {
      this.timers.delete(timer)
      action()
    }, delay)
    this.timers.add(timer)
    return timer
  }
}
