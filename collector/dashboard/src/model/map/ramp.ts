// The colours of the map's ramps, for light and dark. Lightness runs one way along a ramp, so that it is read without seeing its hue.
import { STEPS, type RampName } from './scale'

/** Lightness 0 to 1, chroma, and hue in degrees, of OKLCH. */
type Stop = readonly [lightness: number, chroma: number, hue: number]
export type Theme = 'light' | 'dark'

const STOPS: Readonly<Record<Theme, Readonly<Record<RampName, readonly Stop[]>>>> = {
  light: {
    load: [[0.93, 0.008, 240], [0.86, 0.05, 185], [0.7, 0.1, 184], [0.52, 0.1, 186], [0.36, 0.075, 190]],
    memory: [[0.93, 0.008, 270], [0.85, 0.05, 272], [0.68, 0.12, 272], [0.5, 0.16, 273], [0.36, 0.14, 274]],
    heat: [[0.93, 0.02, 230], [0.87, 0.07, 90], [0.76, 0.15, 65], [0.6, 0.19, 38], [0.42, 0.16, 27]],
    power: [[0.94, 0.01, 85], [0.88, 0.08, 88], [0.76, 0.13, 75], [0.59, 0.13, 60], [0.42, 0.1, 50]],
  },
  dark: {
    load: [[0.27, 0.012, 240], [0.37, 0.05, 190], [0.52, 0.09, 186], [0.7, 0.12, 182], [0.9, 0.12, 175]],
    memory: [[0.27, 0.012, 270], [0.37, 0.09, 273], [0.52, 0.15, 273], [0.69, 0.14, 274], [0.88, 0.07, 276]],
    heat: [[0.28, 0.03, 235], [0.4, 0.09, 45], [0.56, 0.16, 38], [0.72, 0.17, 52], [0.92, 0.13, 98]],
    power: [[0.27, 0.015, 80], [0.39, 0.07, 70], [0.55, 0.11, 72], [0.73, 0.14, 80], [0.92, 0.12, 95]],
  },
}

/** STEPS colours of CSS, from the lowest value to the highest. */
export function rampColours(ramp: RampName, theme: Theme): string[] {
  return Array.from({ length: STEPS }, (_, step) => css(at(STOPS[theme][ramp], step / (STEPS - 1))))
}

/** The same without their hue, for what was so before. */
export function rampGreys(ramp: RampName, theme: Theme): string[] {
  return rampLightness(ramp, theme).map((lightness) => css([lightness, 0, 0]))
}

/** The lightness of each step, for whoever writes on it. */
export function rampLightness(ramp: RampName, theme: Theme): number[] {
  return Array.from({ length: STEPS }, (_, step) => at(STOPS[theme][ramp], step / (STEPS - 1))[0])
}

function at(stops: readonly Stop[], share: number): Stop {
  const place = share * (stops.length - 1)
  const index = Math.min(Math.floor(place), stops.length - 2)
  const [from, to] = [stops[index], stops[index + 1]]
  if (!from || !to) throw new RangeError('a ramp has two stops at least')
  const mix = (a: number, b: number) => a + (b - a) * (place - index)
  return [mix(from[0], to[0]), mix(from[1], to[1]), mixHue(from[2], to[2], place - index)]
}

/** The shorter way round. */
function mixHue(from: number, to: number, share: number): number {
  const turn = ((to - from + 540) % 360) - 180
  return (from + turn * share + 360) % 360
}

function css([lightness, chroma, hue]: Stop): string {
  return `oklch(${lightness.toFixed(3)} ${chroma.toFixed(3)} ${hue.toFixed(1)})`
}
