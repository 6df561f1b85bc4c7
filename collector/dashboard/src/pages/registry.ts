// Every page there is: how it is called, which part of the fleet it looks at, and where its code is. A page that is not in this list is nowhere linked.
import type { FunctionComponent } from 'preact'
import { fleetAddress } from '../address/fleet'
import type { PageName } from '../address/routes'
import { hostsScope, WHOLE_FLEET, type Scope } from '../feed/scope'

export interface PageProps {
  /** The host's name or the GPU's UUID; empty where a page is about the whole fleet. */
  readonly subject: string
}

export interface PageDefinition {
  /** A link in the bar, and the letter that goes there after `g`; null where a page is reached from others. */
  readonly link: { readonly title: string; readonly key: string } | null
  readonly scope: (subject: string, search: string) => Scope
  /** Its code comes when it is first looked at. */
  readonly load: () => Promise<{ readonly default: FunctionComponent<PageProps> }>
}

export const PAGES: Readonly<Record<PageName, PageDefinition>> = {
  fleet: {
    link: { title: 'Fleet', key: 'f' },
    scope: (_, search) => hostsScope(fleetAddress.parse(search).host),
    load: () => import('./fleet/page'),
  },
  explore: {
    link: { title: 'Explore', key: 'x' },
    scope: () => WHOLE_FLEET,
    load: () => import('./explore/page'),
  },
  events: {
    link: { title: 'Events', key: 'e' },
    scope: () => WHOLE_FLEET,
    load: () => import('./events/page'),
  },
  add: {
    link: null,
    scope: () => WHOLE_FLEET,
    load: () => import('./add/page'),
  },
  host: {
    link: null,
    scope: (subject) => hostsScope([subject]),
    load: () => import('./host/page'),
  },
  gpu: {
    link: null,
    scope: (uuid) => ({ kind: 'gpu', uuid }),
    load: () => import('./gpu/page'),
  },
}
