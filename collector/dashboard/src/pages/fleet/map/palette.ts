// The map's colours as the page has them now: ramps by theme, the rest from the page's own tokens.
import { rampColours, rampGreys, rampLightness, type Theme } from '../../../model/map/ramp'
import type { RampName } from '../../../model/map/scale'
import type { Palette } from './paint'

/** From this lightness on, what is dark is read better on a colour than what is light. */
const LIGHT_FROM = 0.56

export function paletteFor(ramp: RampName, theme: Theme, root: Element, isStale: boolean): Palette {
  const style = getComputedStyle(root)
  const token = (name: string) => resolved(style.getPropertyValue(name), theme)
  // Of these two, one is dark and one is light in either theme.
  const [dark, light] = theme === 'light' ? [token('--text'), token('--tooltip-text')] : [token('--tooltip-text'), token('--text')]
  return {
    steps: isStale ? rampGreys(ramp, theme) : rampColours(ramp, theme),
    inks: rampLightness(ramp, theme).map((lightness) => (lightness > LIGHT_FROM ? dark : light)),
    empty: token('--raised'),
    text: token('--text'),
    muted: token('--muted'),
    bad: token(isStale ? '--muted' : '--bad'),
    warn: token(isStale ? '--muted' : '--warn'),
    accent: token('--accent'),
    hatch: isStale ? token('--surface') : null,
  }
}

/** A canvas does not know `light-dark()`: the side of the theme is taken out of it. */
export function resolved(value: string, theme: Theme): string {
  const [, light, dark] = /^\s*light-dark\(\s*(.+?)\s*,\s*(.+?)\s*\)\s*$/.exec(value) ?? []
  return (theme === 'light' ? light : dark) ?? value.trim()
}
