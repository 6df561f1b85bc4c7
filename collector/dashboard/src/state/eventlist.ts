// What happened in a time, newest first, page by page: more of it on request, and what happens meanwhile as it happens.
import { signal, type Signal } from '@preact/signals'
import { spanOf, writeRange, type Range, type Span } from '../address/range'
import { ApiError, type Api, type Parameters } from '../feed/api'
import { askHappeningPage } from '../feed/past'
import type { Happening } from '../model/happening'

export interface EventQuestion {
  readonly range: Range
  readonly filter: Parameters
  /** Says of what is heard what `filter` says of what is asked. */
  readonly concerns: (happening: Happening) => boolean
}

export interface EventListEnvironment {
  readonly api: Pick<Api, 'get'>
  readonly collectorNow: () => number
  readonly schedule: (action: () => void, delay: number) => number
  readonly cancel: (timer: number) => void
}

export interface Listed {
  /** Newest first, each once. */
  readonly happenings: readonly Happening[]
  /** What was asked for; [since, until), and after it what was heard. */
  readonly span: Span
  /** Whether there are older ones in the time. */
  readonly hasMore: boolean
}

/** What is heard may come to the database a moment later: asked again now and then, nothing is missed. */
const AGAIN_MS = 30_000
/** A longer list helps nobody; what is older is found in a shorter time. */
export const MOST_LISTED = 5_000
/** Heard and perhaps not stored yet; beyond it the oldest are left to the next question. */
const MOST_HEARD = 500

export class EventList {
  readonly listed: Signal<Listed | null> = signal(null)
  readonly isLoading = signal(true)
  readonly failure: Signal<ApiError | null> = signal(null)
  private question: EventQuestion | null = null
  /** What was told, without gaps from the newest down to the cursor. */
  private known = new Map<string, Happening>()
  private heard: readonly Happening[] = []
  /** Whether the list is the answer to the question; until then it is that to the one before. */
  private isAnswered = false
  private cursor: { readonly text: string; readonly span: Span } | null = null
  private abort: AbortController | null = null
  private timer: number | null = null

  constructor(private readonly environment: EventListEnvironment) {}

  /** The same question with other functions is no new one. */
  show(question: EventQuestion): void {
    const isSame = this.question !== null && keyOf(this.question) === keyOf(question)
    this.question = question
    if (isSame) return
    this.heard = []
    this.isAnswered = false
    this.again()
  }

  /** The newest once more, at once. */
  again(): void {
    void this.load()
  }

  hear(happening: Happening): void {
    const { question } = this
    if (question?.range.kind !== 'last' || !question.concerns(happening)) return
    this.heard = [happening, ...this.heard].slice(0, MOST_HEARD)
    const listed = this.listed.peek()
    if (this.isAnswered && listed !== null) this.list(listed.span)
  }

  async older(): Promise<void> {
    const { question, cursor } = this
    if (question === null || cursor === null || !this.isAnswered || this.isLoading.peek()) return
    const page = await this.attempt((abort) => askHappeningPage(this.environment.api, question.filter, cursor.span, cursor.text, abort))
    this.askAgainLater()
    if (page === null) return
    for (const happening of page.happenings) this.known.set(happening.id, happening)
    this.cursor = page.next === null ? null : { text: page.next, span: cursor.span }
    this.list(cursor.span)
  }

  stop(): void {
    this.abort?.abort()
    if (this.timer !== null) this.environment.cancel(this.timer)
    this.timer = null
  }

  private async load(): Promise<void> {
    const { question } = this
    if (question === null) return
    this.stop()
    const span = spanOf(question.range, this.environment.collectorNow())
    const page = await this.attempt((abort) => askHappeningPage(this.environment.api, question.filter, span, null, abort))
    if (this.question !== question && this.question !== null && keyOf(this.question) !== keyOf(question)) return
    this.askAgainLater()
    if (page === null) return
    // Where it joins on to what is known, that goes on below it.
    const joins = this.isAnswered && page.happenings.some(({ id }) => this.known.has(id))
    if (!joins) {
      this.known = new Map()
      this.cursor = page.next === null ? null : { text: page.next, span }
    }
    for (const happening of page.happenings) this.known.set(happening.id, happening)
    this.isAnswered = true
    this.list(span)
  }

  private list(span: Span): void {
    const all = new Map([...this.heard.map((happening) => [happening.id, happening] as const), ...this.known])
    const happenings = [...all.values()]
      .filter(({ occurredAt }) => occurredAt >= span.since)
      .sort((a, b) => b.occurredAt - a.occurredAt || (a.id < b.id ? 1 : -1))
      .slice(0, MOST_LISTED)
    this.listed.value = { happenings, span, hasMore: this.cursor !== null && happenings.length < MOST_LISTED }
  }

  private askAgainLater(): void {
    if (this.question?.range.kind !== 'last') return
    if (this.timer !== null) this.environment.cancel(this.timer)
    this.timer = this.environment.schedule(() => this.again(), AGAIN_MS)
  }

  /** Null when it was abandoned or failed. */
  private async attempt<T>(ask: (abort: AbortSignal) => Promise<T>): Promise<T | null> {
    this.abort?.abort()
    const abort = new AbortController()
    this.abort = abort
    this.isLoading.value = true
    try {
      const answer = await ask(abort.signal)
      this.failure.value = null
      this.isLoading.value = false
      return answer
    } catch (error) {
      if (abort.signal.aborted) return null
      if (!(error instanceof ApiError)) throw error
      this.failure.value = error
      this.isLoading.value = false
      return null
    }
  }
}

function keyOf({ range, filter }: EventQuestion): string {
  return `${writeRange(range)} ${JSON.stringify(filter)}`
}
