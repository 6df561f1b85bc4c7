// The head of a page: where one is, its title in the page and in the tab, and, after a move, the focus.
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { usePage } from '../context'

export interface Crumb {
  readonly title: string
  readonly href: string
}

interface PageHeadProps {
  readonly title: string
  readonly crumbs?: readonly Crumb[]
  /** Beside the title: badges, and what can be done. */
  readonly children?: ComponentChildren
  /** Said to screen readers and the tab, but not drawn. */
  readonly isQuiet?: boolean
}

export function PageHead({ title, crumbs = [], children, isQuiet = false }: PageHeadProps) {
  const { router } = usePage()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · gpufleet`
  }, [title])
  useLayoutEffect(() => {
    const scroll = router.takeScroll()
    if (scroll === null) return undefined
    heading.current?.focus({ preventScroll: true })
    window.scrollTo(0, scroll)
    const frame = window.requestAnimationFrame(() => window.scrollTo(0, scroll))
    return () => window.cancelAnimationFrame(frame)
  }, [])
  return (
    <header class={isQuiet ? 'hidden' : 'pagehead'}>
      {crumbs.length > 0 && <Crumbs crumbs={crumbs} title={title} />}
      <div class="pagehead-line">
        <h1 class="pagehead-title" ref={heading} tabIndex={-1}>{title}</h1>
        {children}
      </div>
    </header>
  )
}

function Crumbs({ crumbs, title }: { readonly crumbs: readonly Crumb[]; readonly title: string }) {
  return (
    <nav class="crumbs" aria-label="Where you are">
      <ol>
        {crumbs.map((crumb) => (
          <li key={crumb.href}>
            <a href={crumb.href}>{crumb.title}</a>
          </li>
        ))}
        <li aria-current="page">{title}</li>
      </ol>
    </nav>
  )
}
