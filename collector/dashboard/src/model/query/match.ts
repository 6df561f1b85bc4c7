// Whether a GPU is among those searched for. Who it is changes seldom and what it does every second, so the two are asked apart.
import type { GpuIdentity, GpuState } from '../gpu'
import type { Host } from '../host'
import type { Comparison, Pattern, Query, Term, TextKey } from './terms'

/** Who a GPU is, in words. */
export interface Subject {
  readonly host: string
  readonly model: string
  /** Of the GPU and of its host. */
  readonly states: readonly string[]
  /** UUID, and MIG profile where there is one. */
  readonly names: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

/** A GPU of a host, or a host that has none. */
export function subjectOf(host: Host, gpu: GpuIdentity | null, state: GpuState | null): Subject {
  return {
    host: host.name,
    model: gpu?.name ?? '',
    states: state === null ? [host.state] : [state, host.state],
    names: [gpu?.uuid, gpu?.migProfile].filter((name): name is string => typeof name === 'string' && name !== ''),
    labels: host.labels,
  }
}

/** Whether everything that is asked of the GPU's identity holds. */
export function matchesIdentity(query: Query, subject: Subject): boolean {
  return query.terms.every((term) => term.kind === 'metric' || identityHolds(term, subject) !== term.negated)
}

/** Whether everything that is asked of its values holds; `value` is null for what is absent, which is never found. */
export function matchesValues(query: Query, value: (metric: string) => number | null): boolean {
  return query.terms.every((term) => term.kind !== 'metric' || valueHolds(term, value(term.metric)))
}

export function metricsOf(query: Query): ReadonlySet<string> {
  return new Set(query.terms.flatMap((term) => (term.kind === 'metric' ? [term.metric] : [])))
}

function valueHolds(term: Extract<Term, { kind: 'metric' }>, value: number | null): boolean {
  return value !== null && COMPARE[term.comparison](value, term.value) !== term.negated
}

const COMPARE: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
}

function identityHolds(term: Exclude<Term, { kind: 'metric' }>, subject: Subject): boolean {
  switch (term.kind) {
    case 'word':
      return allTexts(subject).some((text) => text.toLowerCase().includes(term.word))
    case 'text':
      return textsOf(subject, term.key).some((text) => anyMatches(term.patterns, text))
    case 'label':
      return labelsNamed(subject, term.label).some((text) => anyMatches(term.patterns, text))
  }
}

function textsOf(subject: Subject, key: TextKey): readonly string[] {
  switch (key) {
    case 'host':
      return [subject.host]
    case 'model':
      return [subject.model]
    case 'state':
      return subject.states
    case 'gpu':
      return subject.names
  }
}

function labelsNamed(subject: Subject, label: string): string[] {
  const wanted = label.toLowerCase()
  return Object.entries(subject.labels).flatMap(([key, value]) => (key.toLowerCase() === wanted ? [value] : []))
}

function allTexts(subject: Subject): string[] {
  const labels = Object.entries(subject.labels).map(([key, value]) => `${key}=${value}`)
  return [subject.host, subject.model, ...subject.states, ...subject.names, ...labels]
}

function anyMatches(patterns: readonly Pattern[], text: string): boolean {
  const lower = text.toLowerCase()
  return patterns.some((pattern) => (pattern.whole ? matchesWhole(pattern.text, lower) : lower.includes(pattern.text)))
}

/** Pieces between stars must come in order; written out, because a regular expression of stars can take for ever. */
function matchesWhole(pattern: string, text: string): boolean {
  const pieces = pattern.split('*')
  const first = pieces[0] ?? ''
  const last = pieces[pieces.length - 1] ?? ''
  if (pieces.length === 1) return text === pattern
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found < 0 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}
