// Gestures that uPlot does not have: dragging with Shift takes the time along, and a double click goes back.
import type uPlot from 'uplot'
import type { ChartGroup } from './group'

export function panOnShift(options: uPlot.Options, group: ChartGroup): uPlot.Options {
  return {
    ...options,
    cursor: {
      ...options.cursor,
      bind: {
        mousedown: (plot, _, handler) => (event) => {
          if (event.button !== 0) return null
          if (!event.shiftKey) return handler(event)
          takeAlong(event, plot, group)
          return null
        },
        dblclick: () => () => {
          group.moves.back()
          return null
        },
      },
    },
  }
}

function takeAlong(start: MouseEvent, plot: uPlot, group: ChartGroup): void {
  const { since, until } = group.span.peek()
  const shareOf = (event: MouseEvent) => (start.clientX - event.clientX) / Math.max(1, plot.over.clientWidth)
  const move = (event: MouseEvent) => {
    const shift = shareOf(event) * (until - since)
    group.preview.value = { since: since + shift, until: until + shift }
  }
  const drop = (event: MouseEvent) => {
    document.removeEventListener('mousemove', move)
    document.removeEventListener('mouseup', drop)
    group.preview.value = null
    if (shareOf(event) !== 0) group.moves.pan(shareOf(event))
  }
  document.addEventListener('mousemove', move)
  document.addEventListener('mouseup', drop)
}
