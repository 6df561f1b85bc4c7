// Joins the page to the browser: clock, network, storage, address and element are handed in here and nowhere else.
import { computed, effect, untracked } from '@preact/signals'
import { render } from 'preact'
import { fleetAddress } from './address/fleet'
import { followLinks } from './address/links'
import { Router } from './address/router'
import { createApi } from './feed/api'
import { PAGES } from './pages/registry'
import { Access } from './state/access'
import { FleetList } from './state/fleetlist'
import { FleetView } from './state/fleetview'
import { Keys, listenForKeys } from './state/keys'
import { Session } from './state/session'
import { storage } from './state/storage'
import { ThemeState } from './state/theme'
import { installTooltip } from './view/parts/tooltip'
import { App } from './view/shell/app'

// One clock for everything: it never jumps, as the wall clock may, and still reads as milliseconds since 1970.
const now = () => performance.timeOrigin + performance.now()

const session = new Session(createApi((input, init) => fetch(input, init), now), {
  now,
  random: Math.random,
  open: () => new WebSocket(new URL('/ws', window.location.href.replace(/^http/, 'ws'))),
  schedule: (action, delay) => window.setTimeout(action, delay),
  cancel: (timer) => window.clearTimeout(timer),
  requestFrame: (action) => window.requestAnimationFrame(action),
})
const access = new Access({
  fetch: (input, init) => fetch(input, init),
  begin: () => session.start(),
  end: () => session.stop(),
  reload: () => window.location.reload(),
})
window.history.scrollRestoration = 'manual'
const router = new Router(window)
router.start()
const address = computed(() => fleetAddress.parse(router.address.value.search))
const view = new FleetView(session.catalog, address)
const list = new FleetList(session.state, address, view.query)
session.showFramesIn(view)
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)')
const theme = new ThemeState(document.documentElement, storage(), prefersDark)
const keys = new Keys(now)

effect(() => {
  const { page, subject } = router.route.value
  const { search } = router.address.value
  if (page !== 'nowhere') untracked(() => session.look(PAGES[page].scope(subject, search)))
})

effect(() => {
  const link = session.link.value
  // A collector that closes the socket with a reason may mean the token.
  const isClosed = link.phase === 'waiting' && link.reason !== null
  if (isClosed || session.failure.value?.status === 401) untracked(() => access.refused())
})

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no element to be drawn into')
render(<App access={access} session={session} router={router} theme={theme} keys={keys} list={list} view={view} />, root)
installTooltip(document)
followLinks(document, router)
listenForKeys(document, keys)
void access.ask()
window.addEventListener('online', () => session.retryNow())
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') session.retryNow()
})
