// Where pages are found. The collector answers every path outside of /api with the dashboard, so that each of these may be loaded anew.

interface Place {
  readonly path: string
  /** Whether what follows the path names what the page is about. */
  readonly hasSubject: boolean
}

/** A new page is one line here, and one in pages/registry.ts. */
export const PLACES = {
  fleet: { path: '/', hasSubject: false },
  explore: { path: '/explore', hasSubject: false },
  events: { path: '/events', hasSubject: false },
  add: { path: '/add', hasSubject: false },
  host: { path: '/hosts/', hasSubject: true },
  gpu: { path: '/gpus/', hasSubject: true },
} as const satisfies Record<string, Place>

export type PageName = keyof typeof PLACES

export interface Route {
  /** `nowhere` is a path at which there is no page. */
  readonly page: PageName | 'nowhere'
  /** The host's name or the GPU's UUID; empty where a page is about the whole fleet. */
  readonly subject: string
}

const NOWHERE: Route = { page: 'nowhere', subject: '' }

/** Browsers and proxies resolve segments of dots, however they are written: a mark before them keeps them. */
const MARK = '~'
const NEEDS_MARK = /^(\.\.?$|~)/

/** Halves of surrogate pairs, which no address can hold. */
const HALF_PAIRS = /\p{Surrogate}/gu

export function pathOf(page: PageName, subject = ''): string {
  const marked = NEEDS_MARK.test(subject) ? MARK + subject : subject
  return PLACES[page].path + encodeURIComponent(marked.replace(HALF_PAIRS, '\ufffd'))
}

export function routeOf(path: string): Route {
  for (const [page, place] of Object.entries(PLACES) as [PageName, Place][]) {
    if (!place.hasSubject && withoutSlash(path) === withoutSlash(place.path)) return { page, subject: '' }
    if (place.hasSubject && path.startsWith(place.path)) return withSubject(page, path.slice(place.path.length))
  }
  return NOWHERE
}

function withSubject(page: PageName, written: string): Route {
  const subject = decoded(written)
  if (subject === null || subject === '') return NOWHERE
  return { page, subject: subject.startsWith(MARK) ? subject.slice(MARK.length) : subject }
}

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/$/, '')
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}
