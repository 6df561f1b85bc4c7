// What is drawn, as signals: one per host and GPU, so that a reading redraws its own row and nothing else.
import { batch, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type { Changes, Fleet, GpuView, HostGroup } from '../model/fleet'
import { judge, type Freshness } from '../model/freshness'
import type { Host } from '../model/host'
import { countHosts, type HostCounts } from '../model/hostcounts'
import { totalsOf, type Summand, type Totals } from '../model/totals'

export interface FleetTotals extends HostCounts {
  readonly sums: Totals
}

/** What decides freshness, beside the readings. */
export interface Moment {
  readonly isConnected: boolean
  readonly now: number
}

export class FleetState {
  readonly groups: Signal<readonly HostGroup[]> = signal([])
  readonly totals: Signal<FleetTotals | null> = signal(null)
  /** Rises when the sparklines are to be drawn again. */
  readonly sparkVersion = signal(0)
  private readonly hosts = new KeyedSignals<Host>()
  private readonly gpus = new KeyedSignals<GpuView>()
  private readonly freshness = new KeyedSignals<Freshness>()
  private readonly summaries = new KeyedSignals<Totals>()
  /** When the totals were summed up. */
  private summedAt: Moment = { isConnected: false, now: 0 }

  constructor(readonly fleet: Fleet) {}

  host(name: string): ReadonlySignal<Host | undefined> {
    return this.hosts.get(name)
  }

  gpu(uuid: string): ReadonlySignal<GpuView | undefined> {
    return this.gpus.get(uuid)
  }

  freshnessOf(uuid: string): ReadonlySignal<Freshness | undefined> {
    return this.freshness.get(uuid)
  }

  summary(host: string): ReadonlySignal<Totals | undefined> {
    return this.summaries.get(host)
  }

  /** The same as the totals, of a part of the fleet and as it was when they were summed up. */
  totalsOf(groups: readonly HostGroup[]): FleetTotals {
    const hosts = groups.map(({ host }) => this.fleet.host(host)).filter((host) => host !== undefined)
    return { sums: totalsOf(groups.flatMap((group) => this.summandsOf(group, this.summedAt))), ...countHosts(hosts) }
  }

  /** Draws what changed since the last call. */
  flush(moment: Moment): void {
    const changes = this.fleet.takeChanges()
    batch(() => {
      for (const name of changes.hosts) this.hosts.set(name, this.fleet.host(name))
      for (const uuid of changes.gpus) this.drawGpu(uuid, moment)
      if (changes.structure) this.regroup(changes)
      if (changes.structure) this.sumUp(moment)
    })
  }

  /** Judges everything anew: time has passed, or the connection came or went. */
  tick(moment: Moment): void {
    batch(() => {
      for (const { gpu } of this.fleet.allGpus()) this.drawFreshness(gpu.uuid, moment)
      this.sumUp(moment)
    })
  }

  private drawGpu(uuid: string, moment: Moment): void {
    this.gpus.set(uuid, this.fleet.gpu(uuid))
    this.drawFreshness(uuid, moment)
  }

  private drawFreshness(uuid: string, moment: Moment): void {
    const view = this.fleet.gpu(uuid)
    if (!view) return
    const next = this.judge(view, moment)
    const shown = this.freshness.get(uuid).peek()
    if (shown === undefined || next.stale !== null || shown.stale !== null) this.freshness.set(uuid, next)
  }

  private judge(view: GpuView, { isConnected, now }: Moment): Freshness {
    const host = this.fleet.host(view.gpu.host)
    return judge(view.arrival, {
      isConnected,
      now,
      hostState: host?.state ?? 'unknown',
      gpuState: view.gpu.state,
      interval: host?.interval ?? null,
    })
  }

  private regroup({ structure }: Changes): void {
    if (!structure) return
    const groups = this.fleet.groups()
    this.groups.value = groups
    const uuids = new Set(groups.flatMap((group) => group.gpus))
    const names = new Set(groups.map((group) => group.host))
    this.gpus.keep(uuids)
    this.freshness.keep(uuids)
    this.hosts.keep(names)
    this.summaries.keep(names)
  }

  /** While disconnected the last sums stand, marked as old by the page: there are no newer ones. Those of nothing give way to the first list. */
  private sumUp(moment: Moment): void {
    if (!moment.isConnected && (this.totals.peek()?.hostCount ?? 0) > 0) return
    this.summedAt = moment
    const all = []
    for (const group of this.groups.peek()) {
      const summands = this.summandsOf(group, moment)
      all.push(...summands)
      this.summaries.set(group.host, totalsOf(summands))
    }
    this.totals.value = { sums: totalsOf(all), ...countHosts(this.fleet.allHosts()) }
  }

  private summandsOf({ gpus }: HostGroup, moment: Moment): Summand[] {
    const views = gpus.map((uuid) => this.fleet.gpu(uuid)).filter((view) => view !== undefined)
    return views.map((view) => ({ ...view, isFresh: this.judge(view, moment).stale === null }))
  }
}

class KeyedSignals<T> {
  private readonly signals = new Map<string, Signal<T | undefined>>()

  get(key: string): Signal<T | undefined> {
    let found = this.signals.get(key)
    if (!found) {
      found = signal<T | undefined>(undefined)
      this.signals.set(key, found)
    }
    return found
  }

  set(key: string, value: T | undefined): void {
    const found = this.get(key)
    if (!sameShallow(found.peek(), value)) found.value = value
  }

  keep(keys: ReadonlySet<string>): void {
    for (const key of this.signals.keys()) if (!keys.has(key)) this.signals.delete(key)
  }
}

function sameShallow(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const entries = Object.entries(a)
  const other = b as Record<string, unknown>
  return entries.length === Object.keys(b).length && entries.every(([key, value]) => Object.is(value, other[key]))
}
