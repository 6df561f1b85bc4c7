// From what a chart is asked to draw to what uPlot wants to know. Colours are asked for as it draws, so that a change of theme is a redraw.
import uPlot from 'uplot'
import { axisTexts, reachOf, stepsOf, type Reach } from '../../model/axis'
import { axisTime } from '../../model/instant'
import { bridged, loneIndexes } from '../../model/points'
import { dashOf, faint, seriesColour, type ChartColours } from './colours'
import type { ChartGroup } from './group'
import type { ChartLine, ChartSpec } from './spec'

export const AXIS_WIDTH = 62
/** Half of a time of day, so that one at the end is not cut. */
export const RIGHT = 18
export const TOP = 14
const AXIS_HEIGHT = 26
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
const LINE_WIDTH = 1.6
const BAND_OPACITY = 0.16
const SMALLEST_ZOOM_PX = 6
const LIMIT_DASH = [3, 3]
const BEFORE_DASH = [2, 3]
const BEFORE_OPACITY = 0.65

/** With more lines than this their bands would hide each other. */
const MOST_BANDS = 2

export interface Drawing {
  readonly spec: () => ChartSpec
  readonly colours: () => ChartColours
  readonly group: ChartGroup
}

/** Which lines have a band, and of how many columns each is made. */
function hasBand(spec: ChartSpec, line: ChartLine): boolean {
  const banded = spec.lines.filter(({ low, high }) => low !== null && high !== null)
  return banded.length <= MOST_BANDS && banded.includes(line)
}

/** Columns in the order of the series: of each line its average, then with a band its lowest and highest. */
export function columnsOf(spec: ChartSpec): uPlot.AlignedData {
  const { times, stepSeconds } = spec
  const columns = spec.lines.flatMap((line) => {
    const parts = hasBand(spec, line) ? [line.average, line.low ?? [], line.high ?? []] : [line.average]
    return parts.map((values) => bridged(times, values, stepSeconds))
  })
  return [[...times], ...columns]
}

/** What has to stay the same for a chart to be drawn on rather than made anew. */
export function shapeOf(spec: ChartSpec): string {
  return [spec.unit, ...spec.lines.map((line) => `${line.key}/${line.form}/${hasBand(spec, line)}`)].join()
}

export function optionsOf(drawing: Drawing, width: number, height: number): uPlot.Options {
  const spec = drawing.spec()
  const series: uPlot.Series[] = [{}]
  const bands: uPlot.Band[] = []
  spec.lines.forEach((line, position) => {
    series.push(lineSeries(drawing, line, position))
    if (!hasBand(spec, line)) return
    const low = series.length
    series.push(edge(), edge())
    bands.push({ series: [low + 1, low], fill: () => faint(seriesColour(drawing.colours(), line.place ?? position), BAND_OPACITY) })
  })
  return {
    width,
    height,
    padding: [TOP, RIGHT, 0, 0],
    legend: { show: false },
    series,
    bands,
    scales: { x: { time: true, range: () => spanSeconds(drawing.group) }, y: { range: (_, min, max) => yRange(drawing.spec(), min, max) } },
    axes: [timeAxis(drawing), valueAxis(drawing)],
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: SMALLEST_ZOOM_PX },
      points: { show: (_, index) => (isEdge(series[index]) ? (false as unknown as HTMLElement) : document.createElement('div')), size: 7, width: 2 },
    },
    hooks: {
      setCursor: [(plot) => pointed(plot, drawing.group)],
      setSelect: [(plot) => selected(plot, drawing.group)],
    },
  }
}

const EDGE = 'edge'

function edge(): uPlot.Series {
  return { label: EDGE, stroke: 'transparent', width: 0, points: { show: false } }
}

function isEdge(series: uPlot.Series | undefined): boolean {
  return series?.label === EDGE
}

function lineSeries(drawing: Drawing, { form, place }: ChartLine, position: number): uPlot.Series {
  const isLimit = form === 'limit'
  const isBefore = form === 'before'
  const own = () => seriesColour(drawing.colours(), place ?? position)
  const colour = () => (isLimit ? drawing.colours().axis : isBefore ? faint(own(), BEFORE_OPACITY) : own())
  const paths = form === 'step' || isLimit ? uPlot.paths.stepped?.({ align: 1 }) : form === 'bars' ? uPlot.paths.bars?.({ size: [0.7, 24], align: 0 }) : undefined
  return {
    stroke: colour,
    width: form === 'bars' ? 0 : isLimit ? 1 : LINE_WIDTH,
    dash: [...(isLimit ? LIMIT_DASH : isBefore ? BEFORE_DASH : dashOf(place ?? position))],
    ...(paths ? { paths } : {}),
    ...(form === 'bars' ? { fill: () => faint(colour(), 0.6) } : {}),
    points: {
      show: false,
      size: 4,
      width: 0,
      fill: colour,
      // What no line reaches is drawn as a dot, or it would not be seen at all.
      filter: (plot, index) => loneIndexes((plot.data[index] ?? []) as (number | null | undefined)[]),
    },
  }
}

function spanSeconds(group: ChartGroup): uPlot.Range.MinMax {
  const { since, until } = group.preview.peek() ?? group.span.peek()
  return [since / 1000, until / 1000]
}

function yRange(spec: ChartSpec, min: number | null, max: number | null): uPlot.Range.MinMax {
  const data: Reach | null = min === null || max === null ? null : { min, max }
  const reach = reachOf(spec.unit, data, spec.top)
  return [reach.min, reach.max]
}

function timeAxis({ colours }: Drawing): uPlot.Axis {
  return {
    stroke: () => colours().axis,
    font: FONT,
    size: AXIS_HEIGHT,
    gap: 6,
    space: 72,
    grid: { show: false },
    ticks: { stroke: () => colours().grid, size: 4, width: 1 },
    values: (_, splits, __, ___, apart) => splits.map((seconds) => axisTime(seconds * 1000, apart)),
  }
}

function valueAxis({ colours, spec }: Drawing): uPlot.Axis {
  return {
    stroke: () => colours().axis,
    font: FONT,
    size: AXIS_WIDTH,
    gap: 6,
    space: 34,
    incrs: stepsOf(spec().unit),
    grid: { stroke: () => colours().grid, width: 1 },
    ticks: { show: false },
    values: (_, splits) => axisTexts(spec().unit, splits),
  }
}

function pointed(plot: uPlot, group: ChartGroup): void {
  const left = plot.cursor.left ?? -1
  group.origin = plot
  group.cursor.value = left < 0 ? null : plot.posToVal(left, 'x') * 1000
}

function selected(plot: uPlot, group: ChartGroup): void {
  const { left, width } = plot.select
  if (width < SMALLEST_ZOOM_PX) return
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
  group.moves.zoom({ since: plot.posToVal(left, 'x') * 1000, until: plot.posToVal(left + width, 'x') * 1000 })
}
