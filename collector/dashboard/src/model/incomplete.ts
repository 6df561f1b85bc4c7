// Times of which the collector says that their points may still change, and why.
import type { Span } from '../address/range'
import { instant, objects, text, type JsonObject } from './json'

export interface Incomplete extends Span {
  /** As the collector names it. */
  readonly reason: string
}

const OPEN = 'open'

const WORDS: Readonly<Record<string, string>> = {
  [OPEN]: 'still being measured, and not counted yet',
  late: 'samples that came late are still to be added',
  estimated: 'added up from live readings; what those missed is added when the hour is stored',
  not_packed: 'not shown before the hour is stored: it is too much to be added up now',
  dropped: 'not kept any more, or not all of it',
}

/** The pages of one answer say the same times again, and hours that follow each other are told one by one: each reason has every time once. */
export function readIncomplete(bodies: readonly JsonObject[]): Incomplete[] {
  const found = bodies.flatMap((body) => objects(body['incomplete'])).map(readOne).filter((one) => one !== null)
  const merged: Incomplete[] = []
  for (const one of found.sort((a, b) => a.reason.localeCompare(b.reason) || a.since - b.since)) {
    const latest = merged.at(-1)
    if (latest === undefined || latest.reason !== one.reason || one.since > latest.until) merged.push(one)
    else merged[merged.length - 1] = { ...latest, until: Math.max(latest.until, one.until) }
  }
  return merged
}

function readOne(data: JsonObject): Incomplete | null {
  const [since, until, reason] = [instant(data['since']), instant(data['until']), text(data['reason'])]
  return since === null || until === null || reason === null ? null : { since, until, reason }
}

/** Steps that begin here or later are not over: each has a part of what it will have. */
export function openFrom(all: readonly Incomplete[]): number {
  return all.reduce((first, { since, reason }) => (reason === OPEN ? Math.min(first, since) : first), Infinity)
}

/** A reason that this page does not know yet is told by its name. */
export function reasonText(reason: string): string {
  return WORDS[reason] ?? `not complete (${reason.replaceAll('_', ' ')})`
}

export interface ReasonTold {
  readonly text: string
  /** Oldest first. */
  readonly spans: readonly Span[]
}

export function byReason(all: readonly Incomplete[]): ReasonTold[] {
  const found = new Map<string, Span[]>()
  for (const { since, until, reason } of all) found.set(reason, [...(found.get(reason) ?? []), { since, until }])
  return [...found].map(([reason, spans]) => ({ text: reasonText(reason), spans }))
}
