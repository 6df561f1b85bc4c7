// The map on the screen: a canvas no larger than the window, scrolled over a plan of any height, by pointer and by keyboard.
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { planOf, type Group, type Measures, type Plan } from '../../../model/map/plan'
import type { Look } from '../../../model/map/scale'
import type { Binding } from '../../../state/keys'
import { useScreen } from '../../../view/parts/usescreen'
import { MARGIN_FOR_RINGS, paint, type Palette } from './paint'

export interface MapCanvasProps {
  readonly groups: readonly Group[]
  readonly measures: Omit<Measures, 'width'>
  readonly lookAt: (row: number) => Look
  readonly palette: Palette
  /** Rises when the looks have changed. */
  readonly version: number
  /** What a screen reader is told of the map as a whole, and of one cell. */
  readonly summary: string
  readonly describe: (row: number) => string
  /** A layout that comes may number rows anew: what is looked at is kept by its UUID. */
  readonly uuidOf: (row: number) => string | null
  readonly rowOf: (uuid: string) => number | null
  /** Beside the cell that is looked at. */
  readonly card: (hover: Hover) => ComponentChildren
  readonly onOpen: (row: number) => void
}

/** The row under the pointer or the keyboard, and where its cell lies in the window. */
export interface Hover {
  readonly row: number
  readonly x: number
  readonly y: number
  readonly size: number
}

const ARROWS: Readonly<Record<string, readonly [-1 | 0 | 1, -1 | 0 | 1]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

/** For the help. */
export const MAP_KEYS: readonly Binding[] = [
  { keys: '← ↑ ↓ →', help: 'From GPU to GPU', run: null },
  { keys: 'Enter', help: 'Open the GPU', run: null },
  { keys: 'Escape', help: 'Look at none', run: null },
]

export function MapCanvas(props: MapCanvasProps) {
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [width, setWidth] = useState(0)
  const [pointed, setPointed] = useState<string | null>(null)
  /** Where the keyboard is: kept while the focus is elsewhere, as when the window is left for a moment. */
  const [place, setPlace] = useState<string | null>(null)
  const [isFocused, setIsFocused] = useState(false)
  const pointer = useRef({ x: NaN, y: NaN })
  const shownRow = (uuid: string | null) => (uuid === null ? null : props.rowOf(uuid))
  const hovered = shownRow(pointed)
  const focused = isFocused ? shownRow(place) : null
  const { groups, measures } = props
  const plan = useMemo(() => planOf(groups, { ...measures, width: Math.max(1, width) }), [groups, measures, width])

  useLayoutEffect(() => {
    const element = frame.current
    if (!element) return
    // Asked for at once: the observer speaks only when the page was already shown with a map of no width.
    setWidth(Math.floor(element.getBoundingClientRect().width))
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const draw = () => {
    const [element, holder] = [canvas.current, frame.current]
    const context = element?.getContext('2d')
    if (element && holder && context && width > 0) {
      const view = viewOf(holder, plan, width)
      fit(element, context, view.width + 2 * MARGIN_FOR_RINGS, view.height + 2 * MARGIN_FOR_RINGS)
      context.translate(MARGIN_FOR_RINGS, MARGIN_FOR_RINGS)
      element.style.transform = `translate(${-MARGIN_FOR_RINGS}px, ${view.top - MARGIN_FOR_RINGS}px)`
      paint(context, plan, view, props.lookAt, props.palette, { hovered, focused })
    }
  }
  useLayoutEffect(draw, [width, props.version, props.palette, plan, hovered, focused])
  useScreen(draw)

  const rowAt = (event: PointerEvent | MouseEvent) => {
    const box = frame.current?.getBoundingClientRect()
    return box ? plan.rowAt(event.clientX - box.left, event.clientY - box.top) : null
  }
  const hoverOf = (row: number): Hover | null => {
    const [cell, box] = [plan.cellOf(row), frame.current?.getBoundingClientRect()]
    return cell && box ? { row, x: box.left + cell.x, y: box.top + cell.y, size: plan.cell } : null
  }
  const point = (event: PointerEvent) => {
    // A browser tells of a pointer that rests as well, when the page moves below it: that is the keyboard's doing.
    if (event.clientX === pointer.current.x && event.clientY === pointer.current.y) return
    pointer.current = { x: event.clientX, y: event.clientY }
    const row = rowAt(event)
    if (row !== hovered) setPointed(row === null ? null : props.uuidOf(row))
  }
  const move = (row: number) => {
    setPlace(props.uuidOf(row))
    setIsFocused(true)
    setPointed(null)
    reveal(frame.current, plan, row)
  }
  const onKey = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key]
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const from = shownRow(place)
    if (arrow) {
      event.preventDefault()
      const next = from === null ? plan.first() : plan.neighbour(from, ...arrow)
      if (next !== null) move(next)
    } else if (event.key === 'Enter' && focused !== null) {
      props.onOpen(focused)
    } else if (event.key === 'Escape') {
      setPlace(null)
      setPointed(null)
    }
  }
  const looked = hovered ?? focused
  const hover = looked === null ? null : hoverOf(looked)

  return (
    <div
      ref={frame}
      class="map"
      role="application"
      aria-roledescription="map of GPUs"
      aria-label={props.summary}
      tabIndex={0}
      style={{ height: `${width > 0 ? plan.height : 0}px` }}
      data-testid="map"
      onKeyDown={onKey}
      onFocus={() => setIsFocused(true)}
      onBlur={() => setIsFocused(false)}
      onPointerMove={point}
      onPointerLeave={() => setPointed(null)}
      onClick={(event) => {
        const row = rowAt(event)
        if (row !== null) props.onOpen(row)
      }}
    >
      <canvas ref={canvas} class="map-canvas" aria-hidden="true" />
      <p class="hidden" aria-live="polite">{focused === null ? '' : props.describe(focused)}</p>
      {hover && props.card(hover)}
    </div>
  )
}

/** The part of the map that is in the window now. */
function viewOf(holder: HTMLElement, plan: Plan, width: number) {
  const box = holder.getBoundingClientRect()
  const top = Math.min(Math.max(0, -box.top), Math.max(0, plan.height - 1))
  const height = Math.max(1, Math.min(plan.height - top, window.innerHeight - Math.max(0, box.top)))
  return { top: Math.floor(top), width, height: Math.ceil(height) }
}

/** As many points as the screen has, however many of its own the canvas thinks it has. */
function fit(element: HTMLCanvasElement, context: CanvasRenderingContext2D, width: number, height: number): void {
  const ratio = window.devicePixelRatio || 1
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (element.width !== across || element.height !== down) {
    element.width = across
    element.height = down
    element.style.width = `${width}px`
    element.style.height = `${height}px`
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
}

const MARGIN = 80

function reveal(holder: HTMLElement | null, plan: Plan, row: number): void {
  const cell = plan.cellOf(row)
  if (!holder || !cell) return
  const y = holder.getBoundingClientRect().top + cell.y
  if (y < MARGIN) window.scrollBy(0, y - MARGIN)
  else if (y + plan.cell > window.innerHeight - MARGIN) window.scrollBy(0, y + plan.cell - window.innerHeight + MARGIN)
}
