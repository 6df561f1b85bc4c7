// A button below which choices open; it closes with Escape, or when somebody looks elsewhere.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { ChevronIcon } from './icons'

interface MenuProps {
  /** What is chosen now. */
  readonly label: string
  /** What is chosen among. */
  readonly name: string
  readonly testid?: string
  readonly children: ComponentChildren
}

export function Menu({ label, name, testid, children }: MenuProps) {
  const details = useRef<HTMLDetailsElement>(null)
  useEffect(() => closeFromOutside(details), [])
  return (
    <details class="dropdown menu" ref={details} {...(testid ? { 'data-testid': testid } : {})}>
      <summary class="menu-button">
        <span class="hidden">{name}: </span>
        {label}
        <ChevronIcon class="menu-arrow" />
      </summary>
      <div class="dropdown-body menu-body" role="group" aria-label={name}>
        {children}
      </div>
    </details>
  )
}

/** Until the returned function is called. */
export function closeFromOutside(details: { readonly current: HTMLDetailsElement | null }): () => void {
  const close = (event: Event) => {
    const isOutside = event instanceof KeyboardEvent ? event.key === 'Escape' : !details.current?.contains(event.target as Node)
    if (isOutside) details.current?.removeAttribute('open')
  }
  document.addEventListener('pointerdown', close)
  document.addEventListener('keydown', close)
  return () => {
    document.removeEventListener('pointerdown', close)
    document.removeEventListener('keydown', close)
  }
}
