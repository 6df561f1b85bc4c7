import { expect, test } from 'vitest'
import { Router, type Browser } from '../../src/address/router'

/** A window with a history that can be walked. */
class Window implements Browser {
  scrollY = 0
  readonly entries: { href: string; state: unknown }[]
  private position = 0
  private readonly listeners: (() => void)[] = []
  private timers: (() => void)[] = []

  constructor(href: string) {
    this.entries = [{ href, state: null }]
  }

  private get entry() {
    const entry = this.entries[this.position]
    if (!entry) throw new Error('out of the history')
    return entry
  }

  get location() {
    const url = new URL(this.entry.href, 'http://gpufleet.example')
    return { pathname: url.pathname, search: url.search, origin: url.origin }
  }

  get history() {
    const walk = (steps: number) => {
      this.position += steps
      for (const listener of this.listeners) listener()
    }
    return {
      state: this.entry.state as unknown,
      back: () => walk(-1),
      pushState: (state: unknown, _: string, href?: string | URL | null) => {
        this.entries.splice(this.position + 1, Infinity, { href: String(href), state })
        this.position += 1
      },
      replaceState: (state: unknown, _: string, href?: string | URL | null) => {
        this.entries[this.position] = { href: String(href ?? this.entry.href), state }
      },
    }
  }

  addEventListener(type: string, listener: () => void): void {
    if (type === 'popstate') this.listeners.push(listener)
  }

  setTimeout(action: () => void): number {
    return this.timers.push(action)
  }

  clearTimeout(timer: number): void {
    this.timers[timer - 1] = () => undefined
  }

  passTime(): void {
    const due = this.timers
    this.timers = []
    for (const action of due) action()
  }
}

function started(href: string) {
  const window = new Window(href)
  const router = new Router(window)
  router.start()
  return { window, router }
}

test('a reload shows what the address says', () => {
  const { router } = started('/gpus/GPU-1?range=6h')
  expect(router.route.value).toEqual({ page: 'gpu', subject: 'GPU-1' })
  expect(router.address.value.search).toBe('?range=6h')
})

test('a move can be gone back from, to where one was on the page', () => {
  const { window, router } = started('/')
  window.scrollY = 700
  router.go('/gpus/GPU-1')
  expect(router.takeScroll()).toBe(0)
  router.back()
  expect(router.route.value.page).toBe('fleet')
  expect(router.takeScroll()).toBe(700)
  expect(router.takeScroll()).toBeNull()
})

test('a change of state on the same page does not scroll', () => {
  const { router } = started('/gpus/GPU-1')
  router.go('/gpus/GPU-1?range=6h', { isZoom: true })
  expect(router.takeScroll()).toBeNull()
  expect(router.isZoomed).toBe(true)
  router.back()
  expect([router.isZoomed, router.address.value.search]).toEqual([false, ''])
  expect(router.takeScroll()).toBeNull()
})

test('while somebody types the address follows late, and what is left unwritten is written before a move', () => {
  const { window, router } = started('/')
  for (const q of ['g', 'gp', 'gpu']) router.replace(`/?q=${q}`)
  expect(router.address.value.search).toBe('?q=gpu')
  expect(window.entries.map(({ href }) => href)).toEqual(['/'])
  window.passTime()
  expect(window.entries.map(({ href }) => href)).toEqual(['/?q=gpu'])
  router.replace('/?q=x')
  router.go('/hosts/a')
  expect(window.entries.map(({ href }) => href)).toEqual(['/?q=x', '/hosts/a'])
})

test('going to where one is, is no move', () => {
  const { window, router } = started('/')
  router.go('/')
  expect(window.entries).toHaveLength(1)
})
