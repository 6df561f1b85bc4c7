// The address bar as a signal: links and calls move it, and so do back and forward. No part of the page keeps a state of its own that belongs in an address.
import { computed, signal, type ReadonlySignal } from '@preact/signals'
import { routeOf, type Route } from './routes'

export interface Address {
  readonly path: string
  /** With its question mark, or empty. */
  readonly search: string
}

/** The part of a browser's window that is needed, so that a test can be one. */
export interface Browser {
  readonly location: Pick<Location, 'pathname' | 'search' | 'origin'>
  readonly history: Pick<History, 'pushState' | 'replaceState' | 'back' | 'state'>
  readonly scrollY: number
  addEventListener(type: 'popstate' | 'pagehide', listener: () => void): void
  setTimeout(action: () => void, delay: number): number
  clearTimeout(timer: number): void
}

interface Entry {
  /** How far down the page was when it was left. */
  readonly scroll?: number
  /** The entry before this one is what was shown before the zoom. */
  readonly isZoom?: boolean
}

/** Browsers refuse more than a few changes a second: while somebody types, the address follows this late. */
const WRITE_AFTER_MS = 300

export class Router {
  readonly address: ReadonlySignal<Address>
  readonly route: ReadonlySignal<Route>
  private readonly current
  private timer: number | null = null
  /** Where to scroll to once the page that back or forward led to is drawn. */
  private scroll: number | null = null

  constructor(private readonly browser: Browser) {
    this.current = signal(this.read())
    this.address = this.current
    const path = computed(() => this.current.value.path)
    this.route = computed(() => routeOf(path.value))
  }

  start(): void {
    this.browser.addEventListener('popstate', () => {
      this.forgetWrite()
      const next = this.read()
      this.scroll = next.path === this.current.peek().path ? null : (this.entry().scroll ?? 0)
      this.current.value = next
    })
    this.browser.addEventListener('pagehide', () => this.write())
  }

  /** To another address; the one that is left can be gone back to. */
  go(href: string, entry: Entry = {}): void {
    const next = addressOf(href)
    this.write()
    if (sameAddress(next, this.current.peek())) return
    this.browser.history.replaceState({ ...this.entry(), scroll: this.browser.scrollY }, '')
    this.browser.history.pushState(entry, '', href)
    this.scroll = next.path === this.current.peek().path ? null : 0
    this.current.value = next
  }

  /** The same page, said otherwise: nothing to go back to. */
  replace(href: string): void {
    const next = addressOf(href)
    if (sameAddress(next, this.current.peek())) return
    this.current.value = next
    this.forgetWrite()
    this.timer = this.browser.setTimeout(() => this.write(), WRITE_AFTER_MS)
  }

  /** Whether what was shown before a zoom is one step back. */
  get isZoomed(): boolean {
    return this.entry().isZoom === true
  }

  back(): void {
    this.browser.history.back()
  }

  /** How far down the page belongs after the last move; null where it stays. Said once. */
  takeScroll(): number | null {
    const scroll = this.scroll
    this.scroll = null
    return scroll
  }

  private write(): void {
    if (this.timer === null) return
    this.forgetWrite()
    const { path, search } = this.current.peek()
    this.browser.history.replaceState(this.entry(), '', path + search)
  }

  private forgetWrite(): void {
    if (this.timer !== null) this.browser.clearTimeout(this.timer)
    this.timer = null
  }

  private entry(): Entry {
    const state: unknown = this.browser.history.state
    return typeof state === 'object' && state !== null ? state : {}
  }

  private read(): Address {
    return { path: this.browser.location.pathname, search: this.browser.location.search }
  }
}

function addressOf(href: string): Address {
  const [path = '/', search = ''] = href.split('?', 2)
  return { path, search: search === '' ? '' : `?${search}` }
}

function sameAddress(a: Address, b: Address): boolean {
  return a.path === b.path && a.search === b.search
}
