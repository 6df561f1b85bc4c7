// One GPU as the collector tells it, over the WebSocket or REST: identity, state, and the metrics, absent ones as null.
import { finite, instant, isObject, text } from './json'

export type GpuState = 'ok' | 'lost' | 'hung' | 'driver_mismatch' | 'suspended' | 'unknown'
const GPU_STATES: readonly string[] = ['ok', 'lost', 'hung', 'driver_mismatch', 'suspended', 'unknown']

/** By metric name; null is absent, 0 is a real zero. */
export type MetricValues = Readonly<Record<string, number | null>>

export interface GpuIdentity {
  readonly uuid: string
  readonly host: string
  readonly index: number | null
  readonly name: string | null
  /** The whole GPU of a MIG instance; null on whole GPUs. */
  readonly parentUuid: string | null
  readonly migProfile: string | null
  readonly migInstance: number | null
  readonly state: GpuState
  readonly simulated: boolean
}

export interface GpuReading {
  readonly gpu: GpuIdentity
  readonly hostState: string | null
  /** Milliseconds of the agent's wall time at the tick; null when the GPU was never read. */
  readonly recordedAt: number | null
  readonly values: MetricValues
}

const NOT_METRICS: ReadonlySet<string> = new Set(['gpu_index', 'mig_instance'])

export function gpuState(value: unknown): GpuState {
  return typeof value === 'string' && GPU_STATES.includes(value) ? (value as GpuState) : 'unknown'
}

/** What identifies a GPU in any object of the API; null without UUID or host. */
export function readIdentity(data: unknown): GpuIdentity | null {
  if (!isObject(data)) return null
  const uuid = text(data['gpu_uuid'])
  const host = text(data['host'])
  if (uuid === null || host === null) return null
  return {
    uuid,
    host,
    index: finite(data['gpu_index']),
    name: text(data['gpu_name']),
    parentUuid: text(data['parent_uuid']),
    migProfile: text(data['mig_profile']),
    migInstance: finite(data['mig_instance']),
    state: gpuState(data['state']),
    simulated: data['simulated'] === true,
  }
}

/** A reading out of a `gpu_stats` event or an object of /api/system/gpu-stats; null when it names no GPU. */
export function readReading(data: unknown): GpuReading | null {
  const gpu = readIdentity(data)
  if (gpu === null || !isObject(data)) return null
  const values: Record<string, number | null> = {}
  for (const [name, value] of Object.entries(data)) {
    if (NOT_METRICS.has(name)) continue
    if (value === null || typeof value === 'number') values[name] = finite(value)
  }
  return {
    gpu,
    hostState: text(data['host_state']),
    recordedAt: instant(data['timestamp']) ?? instant(data['recorded_at']),
    values,
  }
}

export function metric(values: MetricValues, name: string): number | null {
  return values[name] ?? null
}
