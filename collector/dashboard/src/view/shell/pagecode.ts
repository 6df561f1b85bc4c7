// The code of the pages: it comes when a page is first looked at, or before that, when the browser has nothing else to do.
import type { FunctionComponent } from 'preact'
import type { PageName } from '../../address/routes'
import { PAGES, type PageProps } from '../../pages/registry'

export type Code = FunctionComponent<PageProps>

/** Browsers that do not tell when they are idle are asked for it after so long. */
const IDLE_AFTER_MS = 2_000

const loaded = new Map<PageName, Code>()

/** Undefined until it is there. */
export function codeOf(page: PageName): Code | undefined {
  return loaded.get(page)
}

export async function loadCode(page: PageName): Promise<Code> {
  const { default: code } = await PAGES[page].load()
  loaded.set(page, code)
  return code
}

/** Page after page, so that each is there when it is gone to, also during an outage. Ends with the first that does not come, or by the returned function. */
export function loadOthersWhenIdle(): () => void {
  let isEnded = false
  const next = () => {
    const page = (Object.keys(PAGES) as PageName[]).find((name) => !loaded.has(name))
    if (isEnded || page === undefined) return
    loadCode(page).then(() => whenIdle(next), () => undefined)
  }
  whenIdle(next)
  return () => (isEnded = true)
}

function whenIdle(action: () => void): void {
  if ('requestIdleCallback' in window) window.requestIdleCallback(action)
  else setTimeout(action, IDLE_AFTER_MS)
}
