// Short facts in a row, each with its name.
import type { ComponentChildren } from 'preact'

export function Facts({ children }: { readonly children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>
}

interface FactProps {
  readonly title: string
  readonly tip?: string
  readonly children: ComponentChildren
  readonly testid?: string
}

export function Fact({ title, tip, children, testid }: FactProps) {
  return (
    <div class="facts-item" data-tip={tip} {...(testid ? { 'data-testid': testid } : {})}>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  )
}
