// The colours of the theme, for what is drawn on a canvas.

export const SERIES = 8

export interface ChartColours {
  readonly series: readonly string[]
  readonly axis: string
  readonly grid: string
}

export function readColours(element: Element): ChartColours {
  const style = getComputedStyle(element)
  // A custom property is text; only a real one has a computed colour.
  const probe = document.createElement('span')
  element.append(probe)
  const colourOf = (name: string) => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color || style.color
  }
  const series = Array.from({ length: SERIES }, (_, position) => colourOf(`--series-${position + 1}`))
  const colours = { series, axis: colourOf('--muted'), grid: colourOf('--grid') }
  probe.remove()
  return colours
}

export function seriesColour({ series, axis }: ChartColours, position: number): string {
  return series[position % SERIES] ?? axis
}

/** The colour with another opacity: bands and areas. */
export function faint(colour: string, opacity: number): string {
  const [, inner] = /^rgba?\(([^)/]+)/.exec(colour) ?? []
  return inner === undefined ? colour : `rgb(${inner.split(/[\s,]+/).filter(Boolean).slice(0, 3).join(' ')} / ${opacity})`
}

/** A dash of its own for each line, so that none is told by colour alone. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 4], [12, 3], [1, 4], [6, 2, 1, 2, 1, 2]]

export function dashOf(position: number): readonly number[] {
  return DASHES[position % DASHES.length] ?? []
}
