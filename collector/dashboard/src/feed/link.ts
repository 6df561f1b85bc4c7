// The WebSocket to the collector: opens it, and opens it again with back-off whenever it is lost.
import { reconnectDelay } from './backoff'

export type LinkState =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'live' }
  /** `retryAt` is on the page's clock; `reason` what the collector said when it closed. */
  | { readonly phase: 'waiting'; readonly retryAt: number; readonly reason: string | null }

export interface LinkHooks {
  readonly onState: (state: LinkState) => void
  readonly onMessage: (raw: string) => void
}

export interface LinkEnvironment {
  readonly open: () => WebSocket
  readonly now: () => number
  readonly random: () => number
  readonly schedule: (action: () => void, delay: number) => number
  readonly cancel: (timer: number) => void
}

/** A connection that held this long counts as good: the next loss starts again with a short wait. */
const PROVEN_AFTER_MS = 5_000

export class Link {
  private socket: WebSocket | null = null
  private timer: number | null = null
  private attempt = 0
  private openedAt: number | null = null

  constructor(
    private readonly hooks: LinkHooks,
    private readonly environment: LinkEnvironment,
  ) {}

  start(): void {
    if (this.socket === null) this.connect()
  }

  stop(): void {
    this.cancelRetry()
    this.drop()
  }

  /** Does not wait any longer; a connection that is open is kept. */
  retryNow(): void {
    if (this.socket !== null) return
    this.cancelRetry()
    this.connect()
  }

  /** For a connection that looks open and is not. */
  restart(): void {
    this.drop()
    this.wait(null)
  }

  /** Says it only over a connection that is open. */
  send(message: unknown): void {
    if (this.openedAt !== null) this.socket?.send(JSON.stringify(message))
  }

  private connect(): void {
    this.hooks.onState({ phase: 'connecting' })
    const socket = this.environment.open()
    this.socket = socket
    socket.onopen = () => {
      this.openedAt = this.environment.now()
      this.hooks.onState({ phase: 'live' })
    }
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (typeof event.data === 'string') this.hooks.onMessage(event.data)
    }
    socket.onclose = (event) => {
      this.drop()
      this.wait(event.reason === '' ? null : event.reason)
    }
  }

  private drop(): void {
    const socket = this.socket
    if (socket === null) return
    socket.onopen = socket.onmessage = socket.onclose = null
    this.socket = null
    socket.close()
  }

  private wait(reason: string | null): void {
    const { now, random, schedule } = this.environment
    if (this.openedAt !== null && now() - this.openedAt >= PROVEN_AFTER_MS) this.attempt = 0
    this.openedAt = null
    const delay = reconnectDelay(this.attempt, random())
    this.attempt += 1
    this.hooks.onState({ phase: 'waiting', retryAt: now() + delay, reason })
    this.timer = schedule(() => this.connect(), delay)
  }

  private cancelRetry(): void {
    if (this.timer !== null) this.environment.cancel(this.timer)
    this.timer = null
  }
}
