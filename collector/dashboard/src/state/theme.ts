// Light or dark: the system's choice until the person makes one, which this browser remembers.
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals'

export type Theme = 'light' | 'dark'
const KEY = 'gpufleet.theme'

/** The part of a MediaQueryList that is needed. */
interface Preference {
  readonly matches: boolean
  addEventListener(type: 'change', listener: () => void): void
}

export class ThemeState {
  /** What is drawn now: what draws with colours of its own follows it. */
  readonly current: ReadonlySignal<Theme>
  /** Null follows the system. */
  private readonly chosen: Signal<Theme | null> = signal(null)

  constructor(
    private readonly root: HTMLElement,
    private readonly storage: Pick<Storage, 'getItem' | 'setItem'> | null,
    prefersDark: Preference,
  ) {
    const system = signal<Theme>(prefersDark.matches ? 'dark' : 'light')
    prefersDark.addEventListener('change', () => (system.value = prefersDark.matches ? 'dark' : 'light'))
    this.current = computed(() => this.chosen.value ?? system.value)
    const stored = storage?.getItem(KEY)
    if (stored === 'light' || stored === 'dark') this.apply(stored)
  }

  toggle(): void {
    const next = this.current.peek() === 'dark' ? 'light' : 'dark'
    this.apply(next)
    this.storage?.setItem(KEY, next)
  }

  private apply(theme: Theme): void {
    this.root.dataset['theme'] = theme
    this.chosen.value = theme
  }
}
