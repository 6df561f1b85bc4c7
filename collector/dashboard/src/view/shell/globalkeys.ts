// Keys that mean the same on every page.
import { PLACES, pathOf, type PageName } from '../../address/routes'
import { PAGES } from '../../pages/registry'
import { usePage } from '../context'
import { useKeys } from '../parts/usekeys'
import { SEARCH_EXAMPLES } from './searchexamples'

export function useGlobalKeys(openHelp: () => void): void {
  const { router, theme } = usePage()
  const moves = (Object.keys(PLACES) as PageName[]).flatMap((page) => {
    const { link } = PAGES[page]
    return link === null ? [] : [{ keys: `g ${link.key}`, help: `Go to ${link.title}`, run: () => router.go(pathOf(page)) }]
  })
  useKeys('Everywhere', [
    { keys: '/', help: 'Search hosts and GPUs', run: focusSearch },
    ...moves,
    { keys: 'g b', help: 'Go back', run: () => router.back() },
    { keys: 't', help: 'Light or dark', run: () => theme.toggle() },
    { keys: '?', help: 'This help', run: openHelp },
    { keys: 'Escape', help: 'Close, or leave a field', run: leave },
  ])
  useKeys('In a search', SEARCH_EXAMPLES.map(({ typed, help }) => ({ keys: typed, help, run: null })))
}

function focusSearch(): void {
  const input = document.querySelector<HTMLInputElement>('[data-search]')
  input?.focus()
  input?.select()
}

function leave(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
}
