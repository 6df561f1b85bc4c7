// One host as /api/v1/hosts tells it, and the order in which hosts and their GPUs are listed.
import type { GpuIdentity } from './gpu'
import { finite, instant, isObject, text, texts } from './json'

export type HostState = 'up' | 'late' | 'down' | 'left' | 'unknown'
const HOST_STATES: readonly string[] = ['up', 'late', 'down', 'left', 'unknown']

export interface Host {
  readonly name: string
  readonly state: HostState
  /** Milliseconds of the collector's clock. */
  readonly lastSeen: number | null
  readonly labels: Readonly<Record<string, string>>
  readonly simulated: boolean
  readonly driverVersion: string | null
  readonly backend: string | null
  /** Why there is no GPU, or what the operator should do. */
  readonly note: string | null
  readonly agentVersion: string | null
  /** How often its agent reads, in milliseconds, when the agent said so. */
  readonly interval: number | null
}

export function hostState(value: unknown): HostState {
  return typeof value === 'string' && HOST_STATES.includes(value) ? (value as HostState) : 'unknown'
}

/** A host of which only a sample has been seen so far. */
export function hostNamed(name: string): Host {
  return {
    name,
    state: 'unknown',
    lastSeen: null,
    labels: {},
    simulated: false,
    driverVersion: null,
    backend: null,
    note: null,
    agentVersion: null,
    interval: null,
  }
}

export function readHost(data: unknown): Host | null {
  if (!isObject(data)) return null
  const name = text(data['host'])
  if (name === null) return null
  const agent = isObject(data['agent']) ? data['agent'] : {}
  const seconds = finite(agent['interval_seconds'])
  return {
    name,
    state: hostState(data['state']),
    lastSeen: instant(data['last_seen']),
    labels: texts(data['labels']),
    simulated: data['simulated'] === true,
    driverVersion: text(data['driver_version']),
    backend: text(data['backend']),
    note: text(data['note']),
    agentVersion: text(agent['version']),
    interval: seconds !== null && seconds > 0 ? seconds * 1000 : null,
  }
}

const collator = new Intl.Collator('en', { numeric: true })

export function compareHosts(a: string, b: string): number {
  return collator.compare(a, b)
}

/** By index, a whole GPU before its instances, then by UUID. */
export function compareGpus(a: GpuIdentity, b: GpuIdentity): number {
  const byIndex = (a.index ?? Infinity) - (b.index ?? Infinity)
  if (byIndex !== 0 && !Number.isNaN(byIndex)) return byIndex
  const byParent = Number(a.parentUuid !== null) - Number(b.parentUuid !== null)
  return byParent !== 0 ? byParent : collator.compare(a.uuid, b.uuid)
}
