// Paints the part of the map that is on the screen: cells of one colour together, then the marks of what is wrong or not known.
import type { Block, Cell, Plan } from '../../../model/map/plan'
import type { ClassMark, Look, Mark } from '../../../model/map/scale'

export interface Palette {
  /** A colour of CSS for each step. */
  readonly steps: readonly string[]
  /** The text that can be read on each of them. */
  readonly inks: readonly string[]
  readonly empty: string
  readonly text: string
  readonly muted: string
  readonly bad: string
  readonly warn: string
  readonly accent: string
  /** Of stripes across the colours, where they are of before; null where they are of now. */
  readonly hatch: string | null
}

export interface View {
  readonly top: number
  readonly width: number
  readonly height: number
}

export interface Emphasis {
  /** Rows that stand out: the one under the pointer, and the one that the keyboard is at. */
  readonly hovered: number | null
  readonly focused: number | null
}

/** Cells lie at the very edge, and rings around them. */
export const MARGIN_FOR_RINGS = 2

const TITLE_FONT = '500 11px Inter, ui-sans-serif, system-ui, sans-serif'
const TITLE_BASELINE = 11
const ROUND_FROM = 11
const HATCH_STEP = 6
const HATCH_WIDTH = 1.5

export function paint(
  context: CanvasRenderingContext2D,
  plan: Plan,
  view: View,
  lookAt: (row: number) => Look,
  palette: Palette,
  emphasis: Emphasis,
): void {
  context.clearRect(-MARGIN_FOR_RINGS, -MARGIN_FOR_RINGS, view.width + 2 * MARGIN_FOR_RINGS, view.height + 2 * MARGIN_FOR_RINGS)
  const blocks = plan.between(view.top, view.top + view.height)
  if (plan.title > 0) paintTitles(context, blocks, view, palette)
  const cells = sortByLook(plan, blocks, view, lookAt)
  paintSteps(context, cells, plan.cell, palette)
  if (palette.hatch !== null) paintHatch(context, cells, plan.cell, view, palette.hatch)
  for (const [mark, { step, places }] of cells.marks) paintMarks(context, mark, places, plan.cell, inkOf(mark, step, palette))
  paintRing(context, plan, view, emphasis.hovered, palette.text)
  paintRing(context, plan, view, emphasis.focused, palette.accent)
}

interface Cells {
  readonly steps: ReadonlyMap<number, Cell[]>
  readonly marks: ReadonlyMap<Mark, Marked>
}

interface Marked {
  /** All cells with a mark have the same colour. */
  readonly step: number
  readonly places: Cell[]
}

function sortByLook(plan: Plan, blocks: readonly Block[], view: View, lookAt: (row: number) => Look): Cells {
  const steps = new Map<number, Cell[]>()
  const marks = new Map<Mark, Marked>()
  for (const block of blocks) {
    block.group.rows.forEach((row, position) => {
      const { x, y } = plan.cellAt(block, position)
      const cell = { x, y: y - view.top }
      if (cell.y < -plan.step || cell.y > view.height) return
      const { step, mark } = lookAt(row)
      gathered(steps, step, []).push(cell)
      if (mark !== 'none') gathered(marks, mark, { step, places: [] }).places.push(cell)
    })
  }
  return { steps, marks }
}

function gathered<K, V>(into: Map<K, V>, key: K, first: V): V {
  const found = into.get(key)
  if (found === undefined) into.set(key, first)
  return found ?? first
}

function paintTitles(context: CanvasRenderingContext2D, blocks: readonly Block[], view: View, palette: Palette): void {
  context.font = TITLE_FONT
  context.fillStyle = palette.muted
  for (const { group, x, y, width } of blocks) {
    context.fillText(shortened(context, group.title, width), x, y - view.top + TITLE_BASELINE)
  }
}

/** The end of a host's name tells hosts apart, so the middle gives way. */
function shortened(context: CanvasRenderingContext2D, title: string, width: number): string {
  if (context.measureText(title).width <= width) return title
  const letters = [...title]
  for (let kept = Math.min(letters.length - 1, 80); kept > 1; kept--) {
    const head = Math.ceil(kept / 2)
    const text = `${letters.slice(0, head).join('')}…${letters.slice(letters.length - (kept - head)).join('')}`
    if (context.measureText(text).width <= width) return text
  }
  return '…'
}

function paintSteps(context: CanvasRenderingContext2D, cells: Cells, size: number, palette: Palette): void {
  for (const [step, places] of cells.steps) {
    context.fillStyle = palette.steps[step] ?? palette.empty
    context.beginPath()
    for (const { x, y } of places) {
      if (size >= ROUND_FROM) context.roundRect(x, y, size, size, Math.min(4, size / 5))
      else context.rect(x, y, size, size)
    }
    context.fill()
  }
}

/** Stripes that lie still while the map is scrolled. */
function paintHatch(context: CanvasRenderingContext2D, { steps }: Cells, size: number, view: View, colour: string): void {
  context.save()
  context.beginPath()
  for (const [step, places] of steps) if (step >= 0) for (const { x, y } of places) context.rect(x, y, size, size)
  context.clip()
  context.strokeStyle = colour
  context.lineWidth = HATCH_WIDTH
  context.beginPath()
  const first = Math.floor(view.top / HATCH_STEP) * HATCH_STEP - view.top
  for (let x = first; x < view.width + view.height; x += HATCH_STEP) line(context, x, 0, x - view.height, view.height)
  context.stroke()
  context.restore()
}

type Stroke = (context: CanvasRenderingContext2D, x: number, y: number, size: number) => void

/** A cross, bars, a wedge, a dot, a dash, a slash; on colours a line below, a line above, an exclamation mark: each is told from the others without its colour. */
const STROKES: Readonly<Record<Exclude<Mark, 'none'>, Stroke>> = {
  lost: (context, x, y, size) => {
    line(context, x, y, x + size, y + size)
    line(context, x + size, y, x, y + size)
  },
  hung: (context, x, y, size) => {
    line(context, x + size * 0.25, y, x + size * 0.25, y + size)
    line(context, x + size * 0.75, y, x + size * 0.75, y + size)
  },
  mismatch: (context, x, y, size) => {
    line(context, x, y + size, x + size / 2, y)
    line(context, x + size / 2, y, x + size, y + size)
  },
  asleep: (context, x, y, size) => {
    const radius = size / 4
    context.moveTo(x + size / 2 + radius, y + size / 2)
    context.arc(x + size / 2, y + size / 2, radius, 0, 2 * Math.PI)
  },
  absent: (context, x, y, size) => line(context, x, y + size / 2, x + size, y + size / 2),
  stale: (context, x, y, size) => line(context, x, y + size, x + size, y),
  benign: (context, x, y, size) => line(context, x + size * 0.2, y + size, x + size * 0.8, y + size),
  limit: (context, x, y, size) => line(context, x, y, x + size, y),
  warning: (context, x, y, size) => {
    line(context, x + size / 2, y, x + size / 2, y + size * 0.62)
    line(context, x + size / 2, y + size * 0.85, x + size / 2, y + size)
  },
}

const BOLD: ReadonlySet<Mark> = new Set(['lost', 'hung', 'limit', 'warning'])
const CLASS_MARKS: ReadonlySet<string> = new Set<ClassMark>(['benign', 'limit', 'warning'])

function inkOf(mark: Mark, step: number, palette: Palette): string {
  if (CLASS_MARKS.has(mark)) return palette.inks[step] ?? palette.text
  return mark === 'lost' || mark === 'hung' ? palette.bad : mark === 'mismatch' ? palette.warn : palette.muted
}

function paintMarks(
  context: CanvasRenderingContext2D,
  mark: Mark,
  places: readonly Cell[],
  size: number,
  ink: string,
): void {
  if (mark === 'none') return
  const inset = Math.max(1.5, size * 0.24)
  context.strokeStyle = ink
  context.lineWidth = BOLD.has(mark) ? Math.max(1.5, size / 9) : Math.max(1, size / 14)
  context.beginPath()
  for (const { x, y } of places) STROKES[mark](context, x + inset, y + inset, size - 2 * inset)
  context.stroke()
}

function line(context: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number): void {
  context.moveTo(fromX, fromY)
  context.lineTo(toX, toY)
}

function paintRing(context: CanvasRenderingContext2D, plan: Plan, view: View, row: number | null, colour: string): void {
  const cell = row === null ? null : plan.cellOf(row)
  if (!cell) return
  context.strokeStyle = colour
  context.lineWidth = 2
  context.strokeRect(cell.x - 1, cell.y - view.top - 1, plan.cell + 2, plan.cell + 2)
}
