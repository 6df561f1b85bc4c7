// The bar at the top: name, filter, connection, theme.
import type { ThemeState } from '../state/theme'
import { Connection } from './connection'
import { FilterBox } from './filterbox'
import { MoonIcon, SunIcon } from './icons'

export function TopBar({ theme }: { readonly theme: ThemeState }) {
  return (
    <header class="topbar">
      <div class="topbar-inner">
        <h1 class="brand">
          <img src="/favicon.svg" width="22" height="22" alt="" />
          gpufleet
        </h1>
        <FilterBox />
        <div class="topbar-end">
          <Connection />
          <ThemeToggle theme={theme} />
        </div>
      </div>
    </header>
  )
}

function ThemeToggle({ theme }: { readonly theme: ThemeState }) {
  const isDark = theme.current() === 'dark'
  const label = isDark ? 'Use the light theme' : 'Use the dark theme'
  return (
    <button class="icon-button" type="button" aria-label={label} data-tip={label} onClick={() => theme.toggle()}>
      {isDark ? <SunIcon /> : <MoonIcon />}
    </button>
  )
}
