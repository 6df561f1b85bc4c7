// Ties the feeds to what is drawn: the connection, the facts behind it, history for hosts that are looked at, and the clock.
import { signal, type Signal } from '@preact/signals'
import { ApiError, type Api } from '../feed/api'
import { HistoryLoader } from '../feed/history'
import { Link, type LinkEnvironment, type LinkState } from '../feed/link'
import { readMessage, type Problem } from '../feed/messages'
import { sameScope, WHOLE_FLEET, type Scope } from '../feed/scope'
import { EMPTY_CATALOG, type Catalog } from '../model/catalog'
import { Fleet, type GpuFacts } from '../model/fleet'
import type { Frame, Layout } from '../model/columns'
import type { GpuReading } from '../model/gpu'
import type { Happening } from '../model/happening'
import type { Host } from '../model/host'
import { FleetState, type Moment } from './fleetstate'

const TICK_MS = 1_000
/** Readings that come together are drawn together. */
const DRAW_AT_MOST_EVERY_MS = 200
const SPARK_EVERY_TICKS = 5
const FACTS_EVERY_MS = 15_000
const FACTS_AT_MOST_EVERY_MS = 2_000
const FAILURES_BEFORE_RESTART = 2
/** Older notices give way to newer ones. */
const MOST_NOTICES = 4

export interface Environment extends LinkEnvironment {
  readonly requestFrame: (action: () => void) => void
}

/** Where the whole fleet goes when it comes by column. */
export interface FrameSink {
  take(layout: Layout): void
  show(frame: Frame): void
  know(hosts: ReadonlyMap<string, Host>): void
}

const FRAME_SECONDS = 1

/** Hears every reading as it comes, with the ones that it missed left out. */
export type ReadingListener = (reading: GpuReading) => void
/** Hears of everything that happens, as it happens. */
export type HappeningListener = (happening: Happening) => void

export class Session {
  readonly link: Signal<LinkState> = signal({ phase: 'connecting' })
  /** When the connection was lost, on the page's clock; null while it is open or was never open. */
  readonly lostAt: Signal<number | null> = signal(null)
  /** How often the connection came back: what was asked before may lack what happened meanwhile. */
  readonly returns = signal(0)
  readonly now: Signal<number>
  readonly catalog: Signal<Catalog> = signal(EMPTY_CATALOG)
  readonly notices: Signal<readonly Problem[]> = signal([])
  /** Why hosts and GPUs cannot be listed; null when they can. */
  readonly failure: Signal<ApiError | null> = signal(null)
  /** Whether other collectors cannot tell this one of their hosts. */
  readonly isBusAway = signal(false)
  /** Whether the hosts have been listed at least once. */
  readonly isLoaded = signal(false)
  readonly state: FleetState
  private readonly fleet = new Fleet()
  private readonly connection: Link
  private readonly history: HistoryLoader
  private frameAsked = false
  private drawnAt = -Infinity
  private ticks = 0
  private factsAskedAt = -Infinity
  private factsRunning = false
  private failures = 0
  private isStopped = false
  private scope: Scope = WHOLE_FLEET
  private sink: FrameSink | null = null
  /** The metrics of the frames that the whole fleet comes in; null where it comes as single events. */
  private framed: readonly string[] | null = null
  private hostsChanged = false
  /** The hosts that the scope stands for; empty for all, null while it is not known. */
  private hostsHeard: readonly string[] | null = []
  private readonly readingListeners = new Set<ReadingListener>()
  private readonly happeningListeners = new Set<HappeningListener>()

  constructor(
    readonly api: Api,
    private readonly environment: Environment,
  ) {
    this.now = signal(environment.now())
    this.state = new FleetState(this.fleet)
    this.history = new HistoryLoader(api, this.fleet, () => this.redrawSparks())
    this.connection = new Link(
      { onState: (state) => this.linkChanged(state), onMessage: (raw) => this.receive(raw) },
      environment,
    )
  }

  start(): void {
    this.connection.start()
    void this.loadFacts()
    this.tickLater()
  }

  /** Nothing is heard or asked any more. */
  stop(): void {
    this.isStopped = true
    this.connection.stop()
  }

  retryNow(): void {
    if (this.isStopped) return
    this.connection.retryNow()
    void this.loadFacts()
  }

  /** From now on this part of the fleet is live; what is known of the rest stays as it is. */
  look(scope: Scope): void {
    if (sameScope(scope, this.scope)) return
    this.scope = scope
    this.isLoaded.value = false
    this.factsAskedAt = -Infinity
    this.hear(this.hostsOf(scope))
    void this.loadFacts()
  }

  showFramesIn(sink: FrameSink): void {
    this.sink = sink
  }

  /** From now on the whole fleet comes by column, with these metrics, or, with null, as single events. */
  wantFrames(metrics: readonly string[] | null): void {
    if (JSON.stringify(metrics) === JSON.stringify(this.framed)) return
    const isOtherForm = (metrics === null) !== (this.framed === null)
    this.framed = metrics
    if (this.scope.kind !== 'fleet') return
    if (this.link.peek().phase === 'live') this.subscribe()
    if (isOtherForm && metrics === null) {
      this.factsAskedAt = -Infinity
      void this.loadFacts()
    }
  }

  onReading(listener: ReadingListener): () => void {
    this.readingListeners.add(listener)
    return () => this.readingListeners.delete(listener)
  }

  onHappening(listener: HappeningListener): () => void {
    this.happeningListeners.add(listener)
    return () => this.happeningListeners.delete(listener)
  }

  wantHistory(host: string): void {
    if (this.link.peek().phase === 'live') this.history.want(host)
  }

  dismiss(notice: Problem): void {
    this.notices.value = this.notices.peek().filter((shown) => shown !== notice)
  }

  /** The collector's time now, in milliseconds. */
  collectorNow(): number {
    return this.environment.now() + this.api.clockOffset()
  }

  private linkChanged(state: LinkState): void {
    const wasLive = this.link.peek().phase === 'live'
    this.link.value = state
    if (state.phase === 'live') this.connected()
    else if (wasLive) this.lostAt.value = this.environment.now()
    this.state.tick(this.moment())
  }

  private connected(): void {
    if (this.lostAt.peek() !== null) this.returns.value += 1
    this.lostAt.value = null
    this.fleet.connected()
    this.history.forget()
    if (this.scope.kind !== 'fleet' || this.framed !== null) this.subscribe()
    void this.loadFacts()
  }

  /** The hosts of a scope as far as the page knows them. */
  private hostsOf(scope: Scope): readonly string[] | null {
    if (scope.kind === 'fleet') return []
    if (scope.kind === 'hosts') return scope.hosts
    const host = this.fleet.gpu(scope.uuid)?.gpu.host
    return host === undefined ? null : [host]
  }

  private hear(hosts: readonly string[] | null): void {
    const isNews = JSON.stringify(hosts) !== JSON.stringify(this.hostsHeard)
    this.hostsHeard = hosts
    if (!isNews || this.link.peek().phase !== 'live') return
    this.fleet.connected()
    this.subscribe()
  }

  private subscribe(): void {
    const { scope, hostsHeard, framed } = this
    if (scope.kind === 'fleet' && framed !== null) {
      this.connection.send({ type: 'subscribe', format: 'frames', metrics: framed, interval_seconds: FRAME_SECONDS })
      return
    }
    const filter = scope.kind === 'gpu' && hostsHeard === null ? { gpus: [scope.uuid] } : { hosts: hostsHeard ?? [] }
    this.connection.send({ type: 'subscribe', format: 'events', ...filter })
  }

  private receive(raw: string): void {
    const message = readMessage(raw)
    if (message === null) return
    if (message.type === 'error') return this.hearError(message.problem)
    if (message.type === 'layout') return this.sink?.take(message.layout)
    if (message.type === 'frame') return this.sink?.show(message.frame)
    if (message.type === 'event') return this.happeningListeners.forEach((listener) => listener(message.happening))
    const host = message.type === 'host_state' ? message.host : message.reading.gpu.host
    if (!this.isWanted(host)) return
    // Who a new host is, and when a host that changed was last heard, only the lists tell.
    if (message.type === 'host_state' || !this.fleet.host(host)) void this.loadFacts()
    if (message.type === 'host_state') {
      this.fleet.applyHostState(host, message.state)
      this.hostsChanged = true
    } else this.applyReading(message.reading)
    this.draw()
  }

  private applyReading(reading: GpuReading): void {
    this.fleet.applyReading(reading, this.environment.now(), this.collectorNow())
    for (const listener of this.readingListeners) listener(reading)
  }

  /** Every connection begins with single events of the whole fleet. Where there are too many the collector names the format, and a page that
   *  shows so many asks for frames: there is nothing to say. */
  private hearError(problem: Problem): void {
    if (problem.parameter !== 'format') this.notify(problem)
  }

  private isWanted(host: string): boolean {
    return this.hostsHeard === null || this.hostsHeard.length === 0 || this.hostsHeard.includes(host)
  }

  private notify(problem: Problem): void {
    const others = this.notices.peek().filter(({ title, detail }) => title !== problem.title || detail !== problem.detail)
    this.notices.value = [...others, problem].slice(-MOST_NOTICES)
  }

  private draw(): void {
    if (this.frameAsked) return
    this.frameAsked = true
    const wait = Math.max(0, this.drawnAt + DRAW_AT_MOST_EVERY_MS - this.environment.now())
    this.environment.schedule(() => this.environment.requestFrame(() => this.flush()), wait)
  }

  private flush(): void {
    this.frameAsked = false
    this.drawnAt = this.environment.now()
    this.state.flush(this.moment())
    this.tellHosts()
  }

  private tellHosts(): void {
    if (!this.hostsChanged) return
    this.hostsChanged = false
    this.sink?.know(new Map([...this.fleet.allHosts()].map((host) => [host.name, host])))
  }

  private moment(): Moment {
    return { isConnected: this.link.peek().phase === 'live', now: this.environment.now() }
  }

  private tickLater(): void {
    this.environment.schedule(() => {
      this.tick()
      this.tickLater()
    }, TICK_MS)
  }

  private tick(): void {
    this.ticks += 1
    this.now.value = this.environment.now()
    this.state.tick(this.moment())
    if (this.ticks % SPARK_EVERY_TICKS === 0) this.redrawSparks()
    if (this.now.peek() - this.factsAskedAt >= FACTS_EVERY_MS) void this.loadFacts()
  }

  private redrawSparks(): void {
    this.state.sparkVersion.value += 1
  }

  private async loadFacts(): Promise<void> {
    const askedAt = this.environment.now()
    if (this.isStopped || this.factsRunning || askedAt - this.factsAskedAt < FACTS_AT_MOST_EVERY_MS) return
    this.factsRunning = true
    this.factsAskedAt = askedAt
    void this.askBus()
    try {
      await this.askFacts(askedAt)
      this.failures = 0
      this.failure.value = null
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.factsFailed(error)
    } finally {
      this.factsRunning = false
    }
    // Somebody looked elsewhere while this was asked.
    if (!this.isLoaded.peek() && this.failure.peek() === null) void this.loadFacts()
  }

  private async askFacts(askedAt: number): Promise<void> {
    const scope = this.scope
    const isKnown = this.catalog.peek().size > 0
    const [catalog, hosts] = await Promise.all([isKnown ? this.catalog.peek() : this.api.catalog(), this.askHosts(scope)])
    const filter = hosts.length === 0 ? {} : { host: hosts }
    const isNowhere = scope.kind === 'gpu' && hosts.length === 0
    const isFramed = scope.kind === 'fleet' && this.framed !== null
    const [found, facts] = isNowhere
      ? [[], []]
      : await Promise.all([this.api.hosts(filter), isFramed ? [] : this.api.gpus(filter)])
    this.catalog.value = catalog
    // Meanwhile somebody looks elsewhere: of that this answer says nothing.
    if (!sameScope(scope, this.scope)) return
    if (!isNowhere) this.applyFacts(hosts, found, facts, askedAt)
    this.hear(isNowhere ? null : hosts)
    this.state.flush(this.moment())
    this.hostsChanged = true
    this.tellHosts()
    this.isLoaded.value = true
  }

  private async askHosts(scope: Scope): Promise<readonly string[]> {
    if (scope.kind !== 'gpu') return this.hostsOf(scope) ?? []
    const facts = await this.api.gpus({ gpu_uuid: scope.uuid })
    return [...new Set(facts.map(({ gpu }) => gpu.host))]
  }

  private applyFacts(hosts: readonly string[], found: readonly Host[], facts: readonly GpuFacts[], askedAt: number): void {
    const isListed = (host: string) => hosts.length === 0 || hosts.includes(host)
    this.fleet.applyHosts(found.filter(({ name }) => isListed(name)), askedAt, isListed)
    this.fleet.applyGpus(facts.filter(({ gpu }) => isListed(gpu.host)), askedAt, isListed)
  }

  /** A collector that is not ready does not say: what it said last holds. */
  private async askBus(): Promise<void> {
    try {
      const state = await this.api.bus()
      if (state !== null) this.isBusAway.value = state === 'away'
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
  }

  private factsFailed(error: ApiError): void {
    this.failure.value = error
    this.failures += 1
    // No answer over HTTP while the socket looks open: the network is gone and the browser does not know it yet.
    const isSilent = error.status === 0 && this.failures >= FAILURES_BEFORE_RESTART
    if (isSilent && this.link.peek().phase === 'live') this.connection.restart()
  }
}
