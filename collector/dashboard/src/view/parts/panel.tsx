// A titled part of a page.
import type { ComponentChildren } from 'preact'

interface PanelProps {
  readonly title: string
  /** Right of the title. */
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
  readonly testid?: string
  readonly class?: string
}

export function Panel({ title, aside, children, testid, class: className = '' }: PanelProps) {
  return (
    <section class={`panel ${className}`} aria-label={title} {...(testid ? { 'data-testid': testid } : {})}>
      <header class="panel-head">
        <h2 class="panel-title">{title}</h2>
        {aside !== undefined && <div class="panel-aside">{aside}</div>}
      </header>
      {children}
    </section>
  )
}
