// The bar at the top: name, pages, search, connection, theme, help.
import { pathOf, PLACES, type PageName } from '../../address/routes'
import { PAGES } from '../../pages/registry'
import { usePage } from '../context'
import { MoonIcon, SunIcon } from '../parts/icons'
import { Connection } from './connection'
import { SearchBox } from './searchbox'
import { Simulated } from './simulated'

export function TopBar() {
  const { access } = usePage()
  return (
    <header class="topbar">
      <div class="topbar-inner">
        <a class="brand" href="/" aria-label="gpufleet">
          <img src="/favicon.svg" width="22" height="22" alt="" />
          <span class="brand-name">gpufleet</span>
        </a>
        {!access.isDenied && <PageLinks />}
        {!access.isDenied && <SearchBox />}
        <div class="topbar-end">
          {!access.isDenied && <Simulated />}
          {!access.isDenied && <Connection />}
          <HelpButton />
          <ThemeToggle />
        </div>
      </div>
    </header>
  )
}

function PageLinks() {
  const { router } = usePage()
  const shown = router.route.value.page
  const linked = (Object.keys(PLACES) as PageName[]).flatMap((page) => {
    const { link } = PAGES[page]
    return link === null ? [] : [{ page, title: link.title }]
  })
  return (
    <nav class="pages" aria-label="Pages">
      {linked.map(({ page, title }) => (
        <a key={page} href={pathOf(page)} {...(page === shown ? { 'aria-current': 'page' as const } : {})}>
          {title}
        </a>
      ))}
    </nav>
  )
}

function HelpButton() {
  const { keys } = usePage()
  return (
    <button class="icon-button help-button" type="button" aria-label="Keyboard help" data-tip="Keyboard: ?" onClick={() => keys.press('?')}>
      ?
    </button>
  )
}

function ThemeToggle() {
  const { theme } = usePage()
  const isDark = theme.current.value === 'dark'
  const label = isDark ? 'Use the light theme' : 'Use the dark theme'
  return (
    <button class="icon-button" type="button" aria-label={label} data-tip={label} onClick={() => theme.toggle()}>
      {isDark ? <SunIcon /> : <MoonIcon />}
    </button>
  )
}
