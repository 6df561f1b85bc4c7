// Links are anchors like any other; those to pages of ours are followed here, without loading the page anew.
import { routeOf } from './routes'
import type { Router } from './router'

export function followLinks(page: Document, router: Router): void {
  page.addEventListener('click', (event) => {
    const target = targetOf(event, page.location.origin)
    if (target === null) return
    event.preventDefault()
    router.go(target)
  })
}

/** Null for clicks that are the browser's: new tabs, downloads, other sites, the API, and places within the page. */
function targetOf(event: MouseEvent, origin: string): string | null {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return null
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (link === null || link.target !== '' || link.hasAttribute('download') || link.origin !== origin || link.hash !== '') return null
  return routeOf(link.pathname).page === 'nowhere' ? null : link.pathname + link.search
}
