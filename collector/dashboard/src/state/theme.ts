// Light or dark: the system's choice until the person makes one, which this browser remembers.
import { signal } from '@preact/signals'

export type Theme = 'light' | 'dark'
const KEY = 'gpufleet.theme'

export class ThemeState {
  /** Null follows the system. */
  readonly chosen = signal<Theme | null>(null)

  constructor(
    private readonly root: HTMLElement,
    private readonly storage: Pick<Storage, 'getItem' | 'setItem'> | null,
    private readonly prefersDark: () => boolean,
  ) {
    const stored = storage?.getItem(KEY)
    if (stored === 'light' || stored === 'dark') this.apply(stored)
  }

  toggle(): void {
    const next = this.current() === 'dark' ? 'light' : 'dark'
    this.apply(next)
    this.storage?.setItem(KEY, next)
  }

  current(): Theme {
    return this.chosen.value ?? (this.prefersDark() ? 'dark' : 'light')
  }

  private apply(theme: Theme): void {
    this.chosen.value = theme
    this.root.dataset['theme'] = theme
  }
}
