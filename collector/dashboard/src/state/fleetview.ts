// The fleet as it is looked at: which rows are found, in which groups and which order, worked out again only when something of it changed.
import { computed, signal, type ReadonlySignal } from '@preact/signals'
import type { Catalog } from '../model/catalog'
import type { FleetAddress } from '../address/fleet'
import { isShare, LABEL_GROUP, metricsOfColour, NO_GROUP, SHARES, STATE_COLOUR } from '../model/choice'
import { Columns, type Frame, type Layout } from '../model/columns'
import { columnTotals } from '../model/columntotals'
import { hostNamed, compareHosts, type Host, type HostState } from '../model/host'
import { countHosts } from '../model/hostcounts'
import type { Group } from '../model/map/plan'
import { flagScale, nameScale, STATE_SCALE } from '../model/map/classes'
import { lookOf, scaleOf, shareScale, type Look, type Scale } from '../model/map/scale'
import { matchesIdentity, matchesValues, metricsOf, subjectOf } from '../model/query/match'
import { parseQuery } from '../model/query/parse'
import type { Query } from '../model/query/terms'
import type { FleetTotals } from './fleetstate'

/** Always asked for, so that totals and table need not wait. */
export const ALWAYS = [
  'temperature_celsius',
  'power_watts',
  'memory_used_mb',
  'memory_total_mb',
  'gpu_utilization_percent',
  'power_limit_watts',
] as const

const UNLABELLED = 'without this label'

export class FleetView {
  readonly columns = new Columns()
  /** Rises with each frame, each layout, and each change of a host. */
  readonly version = signal(0)
  readonly query: ReadonlySignal<Query>
  /** The metrics that a subscription is to have, in a fixed order. */
  readonly wanted: ReadonlySignal<readonly string[]>
  readonly rows: ReadonlySignal<readonly number[]>
  readonly groups: ReadonlySignal<readonly Group[]>
  readonly scale: ReadonlySignal<Scale>
  /** Of what is found. */
  readonly totals: ReadonlySignal<FleetTotals>
  /** Whether a search leaves nothing, as far as the values that it asks for have come. */
  readonly isNothingFound: ReadonlySignal<boolean>
  readonly size: ReadonlySignal<number>
  /** Rises when rows, hosts or labels changed, and not with each frame. */
  private readonly structure = signal(0)
  private readonly named: ReadonlySignal<readonly number[]>
  private hosts: ReadonlyMap<string, Host> = new Map()

  constructor(
    catalog: ReadonlySignal<Catalog>,
    readonly choice: ReadonlySignal<FleetAddress>,
  ) {
    const metrics = computed(() => new Set(catalog.value.keys()))
    const queryText = computed(() => this.choice.value.q)
    const colour = computed(() => this.choice.value.colour)
    const group = computed(() => this.choice.value.group)
    this.query = computed(() => parseQuery(queryText.value, metrics.value))
    this.wanted = computed(
      () => [...new Set([...ALWAYS, ...metricsOfColour(colour.value), ...metricsOf(this.query.value)])].sort(),
      )
    this.size = computed(() => (this.structure.value, this.columns.size))
    this.named = computed(() => (this.structure.value, this.namedRows(this.query.value)))
    this.rows = keptWhenEqual(() => (this.version.value, this.foundRows(this.query.value, this.named.value)))
    this.groups = computed(() => (this.structure.value, this.grouped(this.rows.value, group.value)))
    this.scale = computed(() => (this.version.value, this.scaleFor(colour.value, catalog.value)))
    const hosts = computed(() => (this.structure.value, countHosts(this.foundHosts(this.query.value, this.rows.value))))
    const sums = computed(() => (this.version.value, columnTotals(this.columns, this.rows.value, (host) => this.hostState(host))))
    this.totals = computed(() => ({ sums: sums.value, ...hosts.value }))
    this.isNothingFound = computed(() => (this.version.value, this.rows.value.length === 0 && this.isAnswered(this.query.value)))
  }

  take(layout: Layout): void {
    this.columns.take(layout)
    this.restructured()
  }

  show(frame: Frame): void {
    if (this.columns.show(frame)) this.version.value += 1
  }

  /** All hosts that are known now. */
  know(hosts: ReadonlyMap<string, Host>): void {
    this.hosts = hosts
    this.restructured()
  }

  host(name: string): Host {
    return this.hosts.get(name) ?? hostNamed(name)
  }

  hostState(name: string): HostState {
    return this.hosts.get(name)?.state ?? 'unknown'
  }

  /** Labels by which there is something to group. */
  labels(): string[] {
    const names = new Set<string>()
    for (const { labels } of this.hosts.values()) for (const name of Object.keys(labels)) names.add(name)
    return [...names].sort(compareHosts)
  }

  lookAt(row: number): Look {
    const gpu = this.columns.gpu(row)
    const host = this.hostState(gpu?.host ?? '')
    const colour = this.choice.peek().colour
    const state = this.columns.state(row)
    const value = colour === STATE_COLOUR ? (state === 'unknown' ? null : 0) : this.coloured(colour, row)
    return lookOf(this.scale.peek(), value, state, host)
  }

  /** The value by which a row has its colour; shares are in percent. */
  coloured(colour: string, row: number): number | null {
    if (!isShare(colour)) return this.columns.value(colour, row)
    const [part, whole] = SHARES[colour].map((metric) => this.columns.value(metric, row))
    return part == null || whole == null || whole <= 0 ? null : (100 * part) / whole
  }

  private restructured(): void {
    this.structure.value += 1
    this.version.value += 1
  }

  private allRows(): number[] {
    return Array.from({ length: this.columns.size }, (_, row) => row)
  }

  private namedRows(query: Query): readonly number[] {
    return this.allRows().filter((row) => {
      const gpu = this.columns.gpu(row)
      return matchesIdentity(query, subjectOf(this.host(gpu?.host ?? ''), gpu, this.columns.state(row)))
    })
  }

  private foundRows(query: Query, named: readonly number[]): readonly number[] {
    if (metricsOf(query).size === 0) return named
    return named.filter((row) => matchesValues(query, (metric) => this.columns.value(metric, row)))
  }

  /** Those of the rows, and those without a GPU that are named: as the list of hosts has them. */
  private foundHosts(query: Query, rows: readonly number[]): Iterable<Host> {
    const found = new Set(rows.map((row) => this.columns.gpu(row)?.host ?? ''))
    if (metricsOf(query).size === 0) {
      const withGpus = new Set(this.columns.layout?.gpus.map(({ host }) => host))
      for (const host of this.hosts.values()) {
        if (!withGpus.has(host.name) && matchesIdentity(query, subjectOf(host, null, null))) found.add(host.name)
      }
    }
    return [...found].map((name) => this.host(name))
  }

  private isAnswered(query: Query): boolean {
    const known = this.columns.layout?.metrics ?? []
    return this.size.value > 0 && this.columns.time !== null && [...metricsOf(query)].every((metric) => known.includes(metric))
  }

  private grouped(rows: readonly number[], group: string): readonly Group[] {
    if (group === NO_GROUP) return [{ key: '', title: '', rows }]
    const found = new Map<string, number[]>()
    for (const row of rows) {
      const title = this.groupOf(row, group)
      const members = found.get(title)
      if (members) members.push(row)
      else found.set(title, [row])
    }
    return [...found].sort(([a], [b]) => compareHosts(a, b)).map(([title, members]) => ({ key: title, title, rows: members }))
  }

  private groupOf(row: number, group: string): string {
    const gpu = this.columns.gpu(row)
    if (group.startsWith(LABEL_GROUP)) return this.host(gpu?.host ?? '').labels[group.slice(LABEL_GROUP.length)] ?? UNLABELLED
    return group === 'model' ? (gpu?.name ?? 'unknown model') : (gpu?.host ?? '')
  }

  private scaleFor(colour: string, catalog: Catalog): Scale {
    if (isShare(colour)) return shareScale(colour === 'memory_share' ? 'memory' : 'power')
    if (colour === STATE_COLOUR) return STATE_SCALE
    const metric = catalog.get(colour)
    if (metric?.kind === 'flags') return flagScale(metric.names)
    if (metric?.kind === 'enumeration') return nameScale(metric.names)
    let largest = 0
    for (const row of this.rows.value) largest = Math.max(largest, this.columns.value(colour, row) ?? 0)
    return scaleOf(colour, metric?.unit ?? '', largest)
  }
}

/** The list before it where the new one has the same rows, so that what depends on it is not worked out again. */
function keptWhenEqual(rows: () => readonly number[]): ReadonlySignal<readonly number[]> {
  let kept: readonly number[] = []
  return computed(() => {
    const next = rows()
    if (next.length !== kept.length || next.some((row, index) => row !== kept[index])) kept = next
    return kept
  })
}
