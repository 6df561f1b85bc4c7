// Reads the search box: `h100 state:lost,hung host=gpu-0* pool:train util<5 mem>40g -rack:r7`. Never fails: what cannot be read is said and left aside.
import { TEXT_KEYS, type Comparison, type Pattern, type Query, type Term, type TextKey, type Unread } from './terms'

/** Short names that people type for metrics, beside the names of the catalogue. */
export const ALIASES: Readonly<Record<string, string>> = {
  util: 'gpu_utilization_percent',
  utilization: 'gpu_utilization_percent',
  mem: 'memory_used_mb',
  memory: 'memory_used_mb',
  temp: 'temperature_celsius',
  temperature: 'temperature_celsius',
  power: 'power_watts',
  watts: 'power_watts',
  sm: 'sm_active_percent',
  tensor: 'tensor_active_percent',
  dram: 'dram_active_percent',
  clock: 'sm_clock_mhz',
  fan: 'fan_speed_percent',
  procs: 'process_count',
}

const SCALES: Readonly<Record<string, number>> = {
  '': 1,
  '%': 1,
  c: 1,
  '°c': 1,
  w: 1,
  kw: 1_000,
  mhz: 1,
  ghz: 1_000,
  m: 1,
  mb: 1,
  mib: 1,
  g: 1_024,
  gb: 1_024,
  gib: 1_024,
  t: 1_048_576,
  tb: 1_048_576,
  tib: 1_048_576,
}

/** More pieces than this are not read: a search is typed by a person. */
export const MOST_PIECES = 50

const PIECE = /(?:[^\s"]|"[^"]*"?)+/g
const COMPARED = /^([a-z_][\w.-]*)(<=|>=|!=|<|>|=)(.*)$/i
const KEYED = /^([a-z_][\w./-]*)(:|=)(.*)$/i
const NUMBER = /^(-?\d+(?:\.\d+)?)\s*([a-z%°]*)$/i

/** `metrics` are the names of the catalogue. */
export function parseQuery(text: string, metrics: ReadonlySet<string>): Query {
  const terms: Term[] = []
  const unread: Unread[] = []
  const pieces = text.match(PIECE) ?? []
  for (const piece of pieces.slice(0, MOST_PIECES)) {
    const read = readPiece(piece, metrics)
    if (typeof read === 'string') unread.push({ piece, why: read })
    else if (read !== null) terms.push(read)
  }
  const rest = pieces.slice(MOST_PIECES)
  if (rest.length > 0) unread.push({ piece: rest.join(' '), why: `only the first ${MOST_PIECES} words are read` })
  return { terms, unread }
}

/** A term, what is wrong with it, or null where there is nothing to search for yet. */
function readPiece(typed: string, metrics: ReadonlySet<string>): Term | string | null {
  const negated = typed.length > 1 && typed.startsWith('-')
  const piece = negated ? typed.slice(1) : typed
  return readCompared(piece, negated, metrics) ?? readKeyed(piece, negated) ?? readWord(piece, negated)
}

function readCompared(piece: string, negated: boolean, metrics: ReadonlySet<string>): Term | string | null {
  const [, name = '', comparison = '', typed = ''] = COMPARED.exec(piece) ?? []
  if (name === '') return null
  const metric = metricNamed(name, metrics)
  if (metric === null) return comparison === '=' || comparison === '!=' ? null : `there is no metric “${name}”`
  if (typed === '') return 'a number is missing'
  const value = readNumber(typed)
  return value === null ? `“${typed}” is not a number` : { kind: 'metric', metric, comparison: comparison as Comparison, value, negated }
}

function metricNamed(name: string, metrics: ReadonlySet<string>): string | null {
  const lower = name.toLowerCase()
  const known = ALIASES[lower] ?? lower
  return metrics.has(known) ? known : null
}

function readNumber(typed: string): number | null {
  const [, digits, unit = ''] = NUMBER.exec(unquoted(typed)) ?? []
  const scale = SCALES[unit.toLowerCase()]
  return digits === undefined || scale === undefined ? null : Number(digits) * scale
}

function readKeyed(piece: string, negated: boolean): Term | string | null {
  const excluded = /^([a-z_][\w./-]*)!=(.*)$/i.exec(piece)
  if (excluded) return readKeyed(`${excluded[1]}=${excluded[2]}`, !negated)
  const [, key = '', sign = '', typed = ''] = KEYED.exec(piece) ?? []
  if (key === '') return null
  const patterns = readPatterns(typed, sign === '=')
  if (patterns.length === 0) return 'what to look for is missing'
  const lower = key.toLowerCase()
  if (isTextKey(lower)) return { kind: 'text', key: lower, patterns, negated }
  return { kind: 'label', label: key, patterns, negated }
}

function readPatterns(typed: string, whole: boolean): Pattern[] {
  return typed
    .split(',')
    .map((part) => unquoted(part).toLowerCase())
    .filter((part) => part !== '')
    .map((part) => ({ text: part, whole: whole || part.includes('*') }))
}

function isTextKey(key: string): key is TextKey {
  return (TEXT_KEYS as readonly string[]).includes(key)
}

function readWord(piece: string, negated: boolean): Term | null {
  const word = unquoted(piece).toLowerCase()
  return word === '' || word === '-' ? null : { kind: 'word', word, negated }
}

function unquoted(text: string): string {
  return text.replaceAll('"', '')
}
