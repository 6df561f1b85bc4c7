// The map's colours as the page has them now: ramps by theme, the rest from the page's own tokens.
import { rampColours, type Theme } from '../../../model/map/ramp'
import type { RampName } from '../../../model/map/scale'
import type { Palette } from './paint'

export function paletteFor(ramp: RampName, theme: Theme, root: Element): Palette {
  const style = getComputedStyle(root)
  const token = (name: string) => resolved(style.getPropertyValue(name), theme)
  return {
    steps: rampColours(ramp, theme),
    empty: token('--raised'),
    text: token('--text'),
    muted: token('--muted'),
    bad: token('--bad'),
    warn: token('--warn'),
    accent: token('--accent'),
  }
}

/** A canvas does not know `light-dark()`: the side of the theme is taken out of it. */
export function resolved(value: string, theme: Theme): string {
  const [, light, dark] = /^\s*light-dark\(\s*(.+?)\s*,\s*(.+?)\s*\)\s*$/.exec(value) ?? []
  return (theme === 'light' ? light : dark) ?? value.trim()
}
