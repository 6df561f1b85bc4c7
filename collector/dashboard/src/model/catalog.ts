// The catalogue of metrics as /api/v1/catalog tells it: units, help texts and the names of flags are declared there, not here.
import { finite, isObject, objects, text } from './json'

export interface NamedValue {
  readonly value: number
  readonly name: string
}

export interface Metric {
  readonly name: string
  readonly unit: string
  readonly help: string
  readonly panel: string
  readonly kind: string
  /** Values are multiples of it. */
  readonly resolution: number
  readonly names: readonly NamedValue[]
}

/** Flags and names are numbers by which nothing is counted: a line over them would go up and down for no reason, and the highest mask of a group hides the lower bits of the others. They have no line, and are not explored. */
export function isQuantity({ kind }: Metric): boolean {
  return kind === 'gauge' || kind === 'counter'
}

export type Catalog = ReadonlyMap<string, Metric>

export const EMPTY_CATALOG: Catalog = new Map()

export function readCatalog(data: unknown): Catalog {
  const metrics = isObject(data) ? objects(data['metrics']) : objects(data)
  const catalog = new Map<string, Metric>()
  for (const entry of metrics) {
    const name = text(entry['name'])
    if (name !== null) catalog.set(name, readMetric(name, entry))
  }
  return catalog
}

function readMetric(name: string, entry: Readonly<Record<string, unknown>>): Metric {
  return {
    name,
    unit: text(entry['unit']) ?? '',
    help: text(entry['help']) ?? '',
    panel: text(entry['panel']) ?? 'Other',
    kind: text(entry['kind']) ?? 'gauge',
    resolution: finite(entry['resolution']) ?? 1,
    names: readNames(entry['names']),
  }
}

/** Names come as a list of pairs, a list of objects, or an object from name to value or value to name. */
function readNames(data: unknown): NamedValue[] {
  if (Array.isArray(data)) return data.map(readName).filter((name) => name !== null)
  if (!isObject(data)) return []
  return Object.entries(data)
    .map(([key, value]) => (typeof value === 'string' ? readName([Number(key), value]) : readName([value, key])))
    .filter((name) => name !== null)
}

function readName(data: unknown): NamedValue | null {
  const [value, name] = Array.isArray(data) ? data : isObject(data) ? [data['value'], data['name']] : []
  const number = finite(value)
  const word = text(name)
  return number === null || word === null ? null : { value: number, name: word }
}
