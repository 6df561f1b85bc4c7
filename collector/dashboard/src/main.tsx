// Joins the page to the browser: clock, network, storage and element are handed in here and nowhere else.
import { render } from 'preact'
import { createApi } from './feed/api'
import { PageState } from './state/pagestate'
import { Session } from './state/session'
import { storage } from './state/storage'
import { ThemeState } from './state/theme'
import { App } from './view/app'
import { installTooltip } from './view/tooltip'

// One clock for everything: it never jumps, as the wall clock may, and still reads as milliseconds since 1970.
const now = () => performance.timeOrigin + performance.now()

const session = new Session(createApi((input, init) => fetch(input, init), now), {
  now,
  random: Math.random,
  open: () => new WebSocket(new URL('/ws', window.location.href.replace(/^http/, 'ws'))),
  schedule: (action, delay) => window.setTimeout(action, delay),
  cancel: (timer) => window.clearTimeout(timer),
  requestFrame: (action) => window.requestAnimationFrame(action),
  hosts: new URLSearchParams(window.location.search).getAll('host').filter((host) => host !== ''),
})
const page = new PageState(session.state)
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)')
const theme = new ThemeState(document.documentElement, storage(), () => prefersDark.matches)

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no element to be drawn into')
render(<App session={session} page={page} theme={theme} />, root)
installTooltip(document)
session.start()
window.addEventListener('online', () => session.retryNow())
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') session.retryNow()
})
