// One host as /api/v1/hosts tells it, and the order in which hosts and their GPUs are listed.
import { readCost, type AgentCost } from './cost'
import type { GpuIdentity } from './gpu'
import { finite, instant, isObject, text, texts } from './json'

export type HostState = 'up' | 'late' | 'down' | 'left' | 'unknown'
const HOST_STATES: readonly string[] = ['up', 'late', 'down', 'left', 'unknown']

export interface Host {
  readonly name: string
  readonly state: HostState
  /** Since when it is in this state; milliseconds of the collector's clock, as `lastSeen`. */
  readonly since: number | null
  readonly lastSeen: number | null
  readonly labels: Readonly<Record<string, string>>
  readonly simulated: boolean
  readonly driverVersion: string | null
  readonly backend: string | null
  /** Why there is no GPU, or what the operator should do. */
  readonly note: string | null
  readonly nvmlVersion: string | null
  readonly agentVersion: string | null
  readonly platform: string | null
  readonly bootId: string | null
  /** By how much the host's clock is ahead of the collector's, in seconds. */
  readonly skewSeconds: number | null
  readonly cost: AgentCost | null
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
    since: null,
    lastSeen: null,
    labels: {},
    simulated: false,
    driverVersion: null,
    backend: null,
    note: null,
    nvmlVersion: null,
    agentVersion: null,
    platform: null,
    bootId: null,
    skewSeconds: null,
    cost: null,
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
    since: instant(data['since']),
    lastSeen: instant(data['last_seen']),
    labels: texts(data['labels']),
    simulated: data['simulated'] === true,
    driverVersion: text(data['driver_version']),
    backend: text(data['backend']),
    note: text(data['note']),
    nvmlVersion: text(data['nvml_version']),
    agentVersion: text(agent['version']),
    platform: text(agent['platform']),
    bootId: text(agent['boot_id']),
    skewSeconds: finite(agent['skew_seconds']),
    cost: readCost(agent['cost']),
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
