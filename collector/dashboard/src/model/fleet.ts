// All hosts and GPUs the page knows, merged from events and facts; what changed since the last look is kept, so that only that is drawn.
import { arrive, type Arrival } from './freshness'
import type { GpuIdentity, GpuReading, MetricValues } from './gpu'
import { compareGpus, compareHosts, hostNamed, hostState, type Host, type HostState } from './host'
import { HourTrack } from './hourtrack'

export interface GpuView {
  readonly gpu: GpuIdentity
  readonly values: MetricValues
  readonly arrival: Arrival | null
  /** Metric to the reason for which it is absent. */
  readonly absent: Readonly<Record<string, string>>
  readonly board: Board
}

export interface GpuFacts {
  readonly gpu: GpuIdentity
  readonly absent: Readonly<Record<string, string>>
  readonly board?: Board
}

/** What is engraved in a board; null is what it does not say. */
export interface Board {
  readonly pciBusId: string | null
  readonly serial: string | null
  readonly vbios: string | null
}

export const UNKNOWN_BOARD: Board = { pciBusId: null, serial: null, vbios: null }

export interface HostGroup {
  readonly host: string
  readonly gpus: readonly string[]
}

export interface Changes {
  readonly hosts: ReadonlySet<string>
  readonly gpus: ReadonlySet<string>
  /** Whether a host or GPU came, went, moved, or changed a word by which it is listed or found. */
  readonly structure: boolean
}

export const TRACKED = ['gpu_utilization_percent', 'power_watts'] as const
export type Tracked = (typeof TRACKED)[number]

/** Of a host's name, whether a list that was asked for would have it. */
export type IsListed = (host: string) => boolean
const ALL: IsListed = () => true

const NO_VALUES: MetricValues = {}

export class Fleet {
  private readonly hosts = new Map<string, Host>()
  private readonly gpus = new Map<string, GpuView>()
  private readonly tracks = new Map<string, Record<Tracked, HourTrack>>()
  private seenSinceConnect = new Set<string>()
  private changedHosts = new Set<string>()
  private changedGpus = new Set<string>()
  private structureChanged = false

  /** From now on the first reading of each GPU belongs to the state at connect. */
  connected(): void {
    this.seenSinceConnect = new Set()
  }

  /** `now` is the page's clock, `collectorNow` the collector's, both in milliseconds. */
  applyReading(reading: GpuReading, now: number, collectorNow: number): void {
    const { gpu, recordedAt } = reading
    this.hearHost(reading)
    const known = this.gpus.get(gpu.uuid)
    const arrival = recordedAt === null ? (known?.arrival ?? null) : arrive(known?.arrival ?? null, {
      recordedAt,
      now,
      ageAtConnect: this.seenSinceConnect.has(gpu.uuid) ? null : collectorNow - recordedAt,
    })
    // A GPU may be told before what the database remembers of it: that is of any age as well.
    if (recordedAt !== null) this.seenSinceConnect.add(gpu.uuid)
    const isNews = arrival !== known?.arrival
    const values = isNews || !known ? reading.values : keepKnown(reading.values, known.values)
    this.put({ gpu, values, arrival, absent: known?.absent ?? {}, board: known?.board ?? UNKNOWN_BOARD })
    if (recordedAt !== null && isNews) this.track(gpu.uuid, values, recordedAt)
  }

  applyHostState(name: string, state: HostState): void {
    const known = this.hosts.get(name) ?? hostNamed(name)
    if (known.state !== state || !this.hosts.has(name)) this.putHost({ ...known, state })
  }

  /** The whole list of the hosts of which `isListed` holds, asked for at `askedAt`; of these, what is not in it and was not heard since is forgotten. */
  applyHosts(hosts: readonly Host[], askedAt: number, isListed: IsListed = ALL): void {
    for (const host of hosts) this.putHost(host)
    const listed = new Set(hosts.map((host) => host.name))
    for (const name of [...this.hosts.keys()]) {
      if (isListed(name) && !listed.has(name) && !this.heardSince(name, askedAt)) this.forgetHost(name)
    }
  }

  /** The whole list of the GPUs of such hosts, asked for at `askedAt`. */
  applyGpus(facts: readonly GpuFacts[], askedAt: number, isListed: IsListed = ALL): void {
    for (const { gpu, absent, board = UNKNOWN_BOARD } of facts) {
      const known = this.gpus.get(gpu.uuid)
      if (!this.hosts.has(gpu.host)) this.putHost(hostNamed(gpu.host))
      this.put({ gpu, absent, board, values: known?.values ?? NO_VALUES, arrival: known?.arrival ?? null })
    }
    const listed = new Set(facts.map(({ gpu }) => gpu.uuid))
    for (const view of [...this.gpus.values()]) {
      if (isListed(view.gpu.host) && !listed.has(view.gpu.uuid) && (view.arrival?.receivedAt ?? 0) < askedAt) this.forgetGpu(view.gpu.uuid)
    }
  }

  /** One minute of history of one GPU; GPUs that are not known are left aside. */
  fillHistory(uuid: string, name: Tracked, start: number, average: number, count: number): void {
    if (this.gpus.has(uuid)) this.tracksOf(uuid)[name].fill(start, average, count)
  }

  host(name: string): Host | undefined {
    return this.hosts.get(name)
  }

  gpu(uuid: string): GpuView | undefined {
    return this.gpus.get(uuid)
  }

  allHosts(): Iterable<Host> {
    return this.hosts.values()
  }

  allGpus(): Iterable<GpuView> {
    return this.gpus.values()
  }

  points(uuid: string, name: Tracked, collectorNow: number): readonly (number | null)[] {
    return this.tracks.get(uuid)?.[name].points(collectorNow) ?? []
  }

  /** Hosts in their order, each with its GPUs in theirs. */
  groups(): HostGroup[] {
    const byHost = new Map<string, GpuIdentity[]>()
    for (const name of [...this.hosts.keys()].sort(compareHosts)) byHost.set(name, [])
    for (const { gpu } of this.gpus.values()) byHost.get(gpu.host)?.push(gpu)
    return [...byHost].map(([host, gpus]) => ({ host, gpus: gpus.sort(compareGpus).map((gpu) => gpu.uuid) }))
  }

  takeChanges(): Changes {
    const changes = { hosts: this.changedHosts, gpus: this.changedGpus, structure: this.structureChanged }
    this.changedHosts = new Set()
    this.changedGpus = new Set()
    this.structureChanged = false
    return changes
  }

  private hearHost({ gpu, hostState: heard }: GpuReading): void {
    const known = this.hosts.get(gpu.host)
    const state = heard === null ? (known?.state ?? 'unknown') : hostState(heard)
    const simulated = (known?.simulated ?? false) || gpu.simulated
    if (known && known.state === state && known.simulated === simulated) return
    this.putHost({ ...(known ?? hostNamed(gpu.host)), state, simulated })
  }

  private putHost(host: Host): void {
    const known = this.hosts.get(host.name)
    this.structureChanged ||= known?.state !== host.state || !sameTexts(known.labels, host.labels)
    this.hosts.set(host.name, host)
    this.changedHosts.add(host.name)
  }

  private put(view: GpuView): void {
    const known = this.gpus.get(view.gpu.uuid)?.gpu
    this.structureChanged ||= known === undefined || !sameListing(known, view.gpu)
    this.gpus.set(view.gpu.uuid, view)
    this.changedGpus.add(view.gpu.uuid)
  }

  private heardSince(host: string, time: number): boolean {
    for (const { gpu, arrival } of this.gpus.values()) {
      if (gpu.host === host && arrival !== null && arrival.receivedAt >= time) return true
    }
    return false
  }

  private forgetHost(name: string): void {
    for (const { gpu } of [...this.gpus.values()]) if (gpu.host === name) this.forgetGpu(gpu.uuid)
    this.hosts.delete(name)
    this.structureChanged = true
  }

  private forgetGpu(uuid: string): void {
    this.gpus.delete(uuid)
    this.tracks.delete(uuid)
    this.structureChanged = true
  }

  private track(uuid: string, values: MetricValues, recordedAt: number): void {
    for (const name of TRACKED) {
      const value = values[name]
      if (value !== null && value !== undefined) this.tracksOf(uuid)[name].add(recordedAt, value)
    }
  }

  private tracksOf(uuid: string): Record<Tracked, HourTrack> {
    let tracks = this.tracks.get(uuid)
    if (!tracks) {
      tracks = { gpu_utilization_percent: new HourTrack(), power_watts: new HourTrack() }
      this.tracks.set(uuid, tracks)
    }
    return tracks
  }
}

/** The collector takes values back that are no longer current; the page keeps them, and shows them as stale. */
function keepKnown(values: MetricValues, known: MetricValues): MetricValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? known[name] ?? null]))
}

function sameListing(a: GpuIdentity, b: GpuIdentity): boolean {
  return (
    a.host === b.host && a.index === b.index && a.name === b.name && a.state === b.state && a.parentUuid === b.parentUuid
  )
}

function sameTexts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
