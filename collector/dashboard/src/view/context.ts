// What every part of the page may ask for.
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Session } from '../state/session'
import type { PageState } from '../state/pagestate'

export interface Page {
  readonly session: Session
  readonly page: PageState
}

export const PageContext = createContext<Page | null>(null)

export function usePage(): Page {
  const page = useContext(PageContext)
  if (page === null) throw new Error('rendered outside of the page')
  return page
}
