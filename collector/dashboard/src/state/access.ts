// The login: asks who one is before anything else is asked, and again when the collector refuses what it gave before.
import { signal, type Signal } from '@preact/signals'
import { ApiError } from '../feed/api'
import type { Problem } from '../feed/messages'
import { readProblem } from '../feed/messages'
import { mayRead, readAccess, type AccessState } from '../model/access'

const SESSION = '/api/v1/session'
const PATIENCE_MS = 10_000

export interface AccessEnvironment {
  readonly fetch: typeof fetch
  /** What the page is to do once it may read. */
  readonly begin: () => void
  /** What it is to leave off when it may not any more. */
  readonly end: () => void
  /** After a login or a logout everything is as if one had just come. */
  readonly reload: () => void
}

export class Access {
  /** Null until it is known. */
  readonly state: Signal<AccessState | null> = signal(null)
  /** Why the latest login was refused. */
  readonly refusal: Signal<Problem | null> = signal(null)
  readonly isBusy = signal(false)
  private hasBegun = false

  constructor(private readonly environment: AccessEnvironment) {}

  get isDenied(): boolean {
    const known = this.state.value
    return known !== null && !mayRead(known)
  }

  /** A collector that does not answer, or does not know of sessions, is for the rest of the page to deal with. */
  async ask(): Promise<void> {
    const state = await this.told()
    if (state !== null) this.state.value = state
    if (state !== null && !mayRead(state)) {
      if (this.hasBegun) this.environment.end()
      return
    }
    if (this.hasBegun) return
    this.hasBegun = true
    this.environment.begin()
  }

  /** Anything asked of the collector was refused for want of a token. */
  refused(): void {
    void this.ask()
  }

  async logIn(token: string): Promise<void> {
    this.isBusy.value = true
    this.refusal.value = null
    try {
      const answer = await this.send('POST', { token: token.trim() })
      if (answer.ok) return this.environment.reload()
      this.refusal.value = readProblem(await answer.json().catch(() => null))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.refusal.value = error.problem
    } finally {
      this.isBusy.value = false
    }
  }

  async logOut(): Promise<void> {
    try {
      await this.send('DELETE')
      this.environment.reload()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.refusal.value = error.problem
    }
  }

  private async told(): Promise<AccessState | null> {
    try {
      const answer = await this.send('GET')
      return answer.ok ? readAccess(await answer.json().catch(() => null)) : null
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return null
    }
  }

  private async send(method: string, body?: object): Promise<Response> {
    try {
      return await this.environment.fetch(SESSION, {
        method,
        signal: AbortSignal.timeout(PATIENCE_MS),
        headers: { accept: 'application/json', ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
    } catch (error) {
      const detail = error instanceof Error ? error.message : null
      throw new ApiError(0, { title: 'The collector does not answer', detail, parameter: null })
    }
  }
}
