// The list of hosts: what the address leaves of it, and which hosts and GPUs the person at the page has opened.
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type { FleetAddress } from '../address/fleet'
import type { HostGroup } from '../model/fleet'
import { metric } from '../model/gpu'
import { matchesIdentity, matchesValues, metricsOf, subjectOf } from '../model/query/match'
import type { Query } from '../model/query/terms'
import type { FleetState, FleetTotals } from './fleetstate'

/** With more GPUs than this on the page, hosts start closed, and what is off the screen is not redrawn. */
export const MANY_GPUS = 128

export class FleetList {
  readonly shown: ReadonlySignal<readonly HostGroup[]>
  readonly isLarge: ReadonlySignal<boolean>
  /** Of what is shown; null while nothing is known of the fleet. */
  readonly totals: ReadonlySignal<FleetTotals | null>
  private readonly chosen: Signal<ReadonlyMap<string, boolean>> = signal(new Map())
  private readonly openGpus: Signal<ReadonlySet<string>> = signal(new Set())

  constructor(
    state: FleetState,
    readonly address: ReadonlySignal<FleetAddress>,
    query: ReadonlySignal<Query>,
  ) {
    this.shown = computed(() => shownGroups(state, address.value.host, query.value))
    this.totals = computed(() => totalsOfShown(state, this.shown.value))
    this.isLarge = computed(() => countGpus(this.shown.value) > MANY_GPUS)
  }

  isOpen(host: string): boolean {
    return this.chosen.value.get(host) ?? !this.isLarge.value
  }

  setOpen(host: string, isOpen: boolean): void {
    this.chosen.value = new Map(this.chosen.peek()).set(host, isOpen)
  }

  setAllOpen(isOpen: boolean): void {
    this.chosen.value = new Map(this.shown.peek().map(({ host }) => [host, isOpen]))
  }

  isGpuOpen(uuid: string): boolean {
    return this.openGpus.value.has(uuid)
  }

  toggleGpu(uuid: string): void {
    const open = new Set(this.openGpus.peek())
    if (!open.delete(uuid)) open.add(uuid)
    this.openGpus.value = open
  }
}

function shownGroups(state: FleetState, hosts: readonly string[], query: Query): readonly HostGroup[] {
  const all = state.groups.value
  const groups = hosts.length === 0 ? all : all.filter(({ host }) => hosts.includes(host))
  if (query.terms.length === 0) return groups
  return groups.map((group) => filtered(state, group, query)).filter((group) => group !== null)
}

function totalsOfShown(state: FleetState, shown: readonly HostGroup[]): FleetTotals | null {
  const whole = state.totals.value
  return whole === null || shown === state.groups.value ? whole : state.totalsOf(shown)
}

function filtered(state: FleetState, group: HostGroup, query: Query): HostGroup | null {
  const host = state.fleet.host(group.host)
  if (!host) return null
  const looksAtValues = metricsOf(query).size > 0
  if (group.gpus.length === 0) return !looksAtValues && matchesIdentity(query, subjectOf(host, null, null)) ? group : null
  const gpus = group.gpus.filter((uuid) => {
    // What is looked for in values is looked for again with every reading; who a GPU is changes with the groups.
    const view = looksAtValues ? state.gpu(uuid).value : state.fleet.gpu(uuid)
    if (!view || !matchesIdentity(query, subjectOf(host, view.gpu, view.gpu.state))) return false
    return !looksAtValues || matchesValues(query, (name) => metric(view.values, name))
  })
  return gpus.length === 0 ? null : { host: group.host, gpus }
}

export function countGpus(groups: readonly HostGroup[]): number {
  return groups.reduce((count, { gpus }) => count + gpus.length, 0)
}
