// The keyboard: what each key does here and now, in one list that the help shows. A key that is typed into a field is the field's.
import { signal } from '@preact/signals'

export interface Binding {
  /** `/`, `?`, `[`, or two in a row: `g f`. */
  readonly keys: string
  readonly help: string
  /** Null for keys that a part of the page takes itself while it has the focus: they are only listed. */
  readonly run: (() => void) | null
}

export interface Group {
  readonly title: string
  readonly bindings: readonly Binding[]
}

/** After so long the first of two keys is forgotten. */
const PATIENCE_MS = 1_200

export class Keys {
  readonly groups = signal<readonly Group[]>([])
  private first: { readonly key: string; readonly at: number } | null = null

  constructor(private readonly now: () => number) {}

  /** Until the returned function is called. */
  add(group: Group): () => void {
    this.groups.value = [...this.groups.peek(), group]
    return () => {
      this.groups.value = this.groups.peek().filter((known) => known !== group)
    }
  }

  /** Whether the key meant something. */
  press(key: string): boolean {
    const before = this.first !== null && this.now() - this.first.at < PATIENCE_MS ? this.first.key : null
    this.first = null
    // What a page adds comes later, and wins.
    const bindings = this.groups.peek().flatMap((group) => group.bindings).filter(({ run }) => run !== null).reverse()
    const found = (before !== null && bindings.find(({ keys }) => keys === `${before} ${key}`)) || bindings.find(({ keys }) => keys === key)
    if (found) {
      found.run?.()
      return true
    }
    if (!bindings.some(({ keys }) => keys.startsWith(`${key} `))) return false
    this.first = { key, at: this.now() }
    return true
  }
}

export function listenForKeys(page: Document, keys: Keys): void {
  page.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyped(event.target)) return
    if (page.querySelector('dialog[open]') !== null) return
    if (keys.press(event.key)) event.preventDefault()
  })
}

function isTyped(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
