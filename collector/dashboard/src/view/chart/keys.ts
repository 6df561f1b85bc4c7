// What keys do on a chart that has the focus: everything that a pointer does, and the values said as the crosshair moves.
import type { Span } from '../../address/range'
import { nearestIndex } from '../../model/points'
import type { ChartGroup } from './group'

/** Whether the key meant something. `times` are the chart's, in seconds; `say` words the values at one of them. */
export function pressed(event: KeyboardEvent, group: ChartGroup, times: readonly number[], say: (index: number) => string): boolean {
  switch (event.key) {
    case 'ArrowLeft':
    case 'ArrowRight':
      step(event.key === 'ArrowLeft' ? -1 : 1, event.shiftKey, group, times, say)
      return true
    case 'Home':
    case 'End':
      goTo(event.key === 'Home' ? 0 : times.length - 1, group, times, say)
      return true
    case 'Enter':
      return zoomToSelection(group)
    case 'PageUp':
    case 'PageDown':
      group.moves.pan(event.key === 'PageUp' ? -0.5 : 0.5)
      return true
    case '+':
    case '=':
      zoomAround(group)
      return true
    case '-':
      group.moves.widen()
      return true
    case 'Backspace':
      group.moves.back()
      return true
    case 'Escape':
      return forget(group)
    default:
      return false
  }
}

export const CHART_KEYS = [
  { keys: '← →', help: 'Move the crosshair of a chart' },
  { keys: 'Shift ← →', help: 'Select a time' },
  { keys: 'Enter', help: 'Zoom into it' },
  { keys: '+ -', help: 'Zoom in, zoom out' },
  { keys: 'PageUp PageDown', help: 'Earlier, later' },
  { keys: 'Backspace', help: 'Back to before the zoom' },
] as const

function step(by: number, isSelecting: boolean, group: ChartGroup, times: readonly number[], say: (index: number) => string): void {
  const { since, until } = group.span.peek()
  const from = group.cursor.peek() ?? (by < 0 ? until : since)
  const near = nearestIndex(times, from / 1000)
  if (near === null) return
  const isFirst = group.cursor.peek() === null
  const next = Math.min(times.length - 1, Math.max(0, isFirst ? near : near + by))
  const moment = (times[next] ?? 0) * 1000
  if (isSelecting) extend(group, from, moment)
  else group.selection.value = null
  goTo(next, group, times, say)
}

function extend(group: ChartGroup, from: number, to: number): void {
  const known = group.selection.peek()
  // The end that is not under the crosshair stays.
  const anchor = known === null ? from : known.since === from ? known.until : known.since
  group.selection.value = { since: Math.min(anchor, to), until: Math.max(anchor, to) }
}

function goTo(index: number, group: ChartGroup, times: readonly number[], say: (index: number) => string): void {
  const seconds = times[index]
  if (seconds === undefined) return
  group.origin = null
  group.cursor.value = seconds * 1000
  group.spoken.value = say(index)
}

function zoomToSelection(group: ChartGroup): boolean {
  const selection = group.selection.peek()
  if (selection === null || selection.until <= selection.since) return false
  forget(group)
  group.moves.zoom(selection)
  return true
}

/** To half the time, around the crosshair where there is one. */
function zoomAround(group: ChartGroup): void {
  const { since, until } = group.span.peek()
  const length = (until - since) / 2
  const middle = group.cursor.peek() ?? (since + until) / 2
  const begin = Math.min(Math.max(since, middle - length / 2), until - length)
  const zoomed: Span = { since: begin, until: begin + length }
  group.moves.zoom(zoomed)
}

function forget(group: ChartGroup): boolean {
  const wasSet = group.selection.peek() !== null || group.cursor.peek() !== null
  group.selection.value = null
  group.origin = null
  group.cursor.value = null
  return wasSet
}
