// What every part of the page may ask for.
import { createContext } from 'preact'
import { useContext, useEffect, useMemo } from 'preact/hooks'
import type { Query } from '../address/fields'
import type { Router } from '../address/router'
import type { Access } from '../state/access'
import type { FleetList } from '../state/fleetlist'
import type { FleetView } from '../state/fleetview'
import type { Keys } from '../state/keys'
import type { Session } from '../state/session'
import type { ThemeState } from '../state/theme'

export interface Page {
  readonly access: Access
  readonly session: Session
  readonly router: Router
  readonly theme: ThemeState
  readonly keys: Keys
  readonly list: FleetList
  readonly view: FleetView
}

export const PageContext = createContext<Page | null>(null)

export function usePage(): Page {
  const page = useContext(PageContext)
  if (page === null) throw new Error('rendered outside of the page')
  return page
}

export interface Move {
  /** The state that is left is one step back in the browser's history, as what was shown before a zoom. */
  readonly isZoom?: boolean
  /** Nothing to go back to. */
  readonly isReplacing?: boolean
}

/** The state of a page as its address has it, and how to change a part of it. */
export function useAddress<S extends object>(query: Query<S>): [S, (change: Partial<S>, move?: Move) => void] {
  const { router } = usePage()
  const { path, search } = router.address.value
  const state = useMemo(() => query.parse(search), [query, search])
  // What is broken or unknown in an address goes from it, so that nobody passes it on.
  useEffect(() => {
    const written = query.format(state)
    if (router.address.peek().path === path && search !== written) router.replace(path + written)
  }, [state])
  const change = (part: Partial<S>, move: Move = {}) => {
    const href = path + query.format({ ...state, ...part })
    if (move.isReplacing) router.replace(href)
    else router.go(href, move.isZoom ? { isZoom: true } : {})
  }
  return [state, change]
}
