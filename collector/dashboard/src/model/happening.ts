// What happened: an XID, a GPU lost or found, an agent that came or went. `Event` is the browser's word for something else.
import { finite, instant, isObject, objects, text, type JsonObject } from './json'

/** Worst first. */
export const SEVERITIES = ['critical', 'warning', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

/** Those that the API has, by which a list can be confined. */
export const KINDS = [
  'xid',
  'gpu_lost',
  'gpu_found',
  'gpu_hung',
  'gpu_reset',
  'driver_changed',
  'agent_started',
  'duplicate_host',
  'unspecified',
] as const
export type Kind = (typeof KINDS)[number]

export interface Happening {
  readonly id: string
  readonly host: string
  readonly gpuUuid: string | null
  readonly gpuIndex: number | null
  readonly gpuName: string | null
  readonly kind: string
  readonly severity: Severity
  /** The XID, where there is one. */
  readonly code: number | null
  readonly text: string
  /** Milliseconds of the agent's clock. */
  readonly occurredAt: number
}

export function severity(value: unknown): Severity {
  return value === 'critical' || value === 'warning' ? value : 'info'
}

export function readHappening(data: unknown): Happening | null {
  if (!isObject(data)) return null
  const [id, host, occurredAt] = [text(data['id']), text(data['host']), instant(data['occurred_at'])]
  if (id === null || host === null || occurredAt === null) return null
  return {
    id,
    host,
    gpuUuid: text(data['gpu_uuid']),
    gpuIndex: finite(data['gpu_index']),
    gpuName: text(data['gpu_name']),
    kind: text(data['kind']) ?? 'unknown',
    severity: severity(data['severity']),
    code: finite(data['code']),
    text: text(data['text']) ?? '',
    occurredAt,
  }
}

export function readHappenings(bodies: readonly JsonObject[]): Happening[] {
  return bodies.flatMap((body) => objects(body['events'])).map(readHappening).filter((found) => found !== null)
}

const KIND_WORDS: Readonly<Record<string, string>> = { xid: 'XID', gpu: 'GPU', mig: 'MIG', ecc: 'ECC' }

/** `gpu_lost` as `GPU lost`, `xid` with its number as `XID 79`. */
export function kindText({ kind, code }: Pick<Happening, 'kind' | 'code'>): string {
  const words = kind.toLowerCase().split('_').map((word) => KIND_WORDS[word] ?? word).join(' ')
  const title = words.charAt(0).toUpperCase() + words.slice(1)
  return kind === 'xid' && code !== null ? `${title} ${code}` : title
}
