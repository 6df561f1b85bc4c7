// Where each cell of the map lies: groups as blocks that flow like words, the cells of a block in rows. Pure geometry, in CSS pixels.

export interface Group {
  readonly key: string
  readonly title: string
  /** Rows of the columns, in the order in which they are shown. */
  readonly rows: readonly number[]
}

export interface Measures {
  readonly width: number
  readonly cell: number
  readonly gap: number
  /** Height of a title above its block; 0 leaves titles out. */
  readonly title: number
  readonly between: number
  /** Cells side by side in a block; null is as many as the width holds. */
  readonly across: number | null
  /** Blocks are at least so wide, so that their titles can be read. */
  readonly narrowest: number
}

export interface Block {
  readonly group: Group
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly across: number
}

export interface Cell {
  readonly x: number
  readonly y: number
}

export interface Place {
  readonly block: number
  readonly position: number
}

export class Plan {
  readonly height: number
  private readonly places = new Map<number, Place>()

  constructor(
    /** From top to bottom, and from left to right within a line. */
    readonly blocks: readonly Block[],
    private readonly measures: Measures,
  ) {
    this.height = blocks.reduce((bottom, block) => Math.max(bottom, block.y + block.height), 0)
    blocks.forEach(({ group }, block) => group.rows.forEach((row, position) => this.places.set(row, { block, position })))
  }

  get step(): number {
    return this.measures.cell + this.measures.gap
  }

  get cell(): number {
    return this.measures.cell
  }

  get title(): number {
    return this.measures.title
  }

  /** The upper left corner; null for a row that is not on the map. */
  cellOf(row: number): Cell | null {
    const place = this.places.get(row)
    const block = place && this.blocks[place.block]
    return block && place ? this.cellAt(block, place.position) : null
  }

  cellAt(block: Block, position: number): Cell {
    return {
      x: block.x + (position % block.across) * this.step,
      y: block.y + this.title + Math.floor(position / block.across) * this.step,
    }
  }

  /** The row whose cell, the gap after it counted in, is at the point; null where there is none. */
  rowAt(x: number, y: number): number | null {
    for (let index = this.firstBelow(y); index < this.blocks.length; index++) {
      const block = this.blocks[index]
      if (!block || block.y > y) break
      const row = this.rowIn(block, x, y)
      if (row !== null) return row
    }
    return null
  }

  /** Blocks of which something lies between the two heights. */
  between(top: number, bottom: number): Block[] {
    const found: Block[] = []
    for (let index = this.firstBelow(top); index < this.blocks.length; index++) {
      const block = this.blocks[index]
      if (!block || block.y > bottom) break
      if (block.y + block.height >= top) found.push(block)
    }
    return found
  }

  /** The row that an arrow key leads to: along the map sideways, and to what lies above or below. */
  neighbour(row: number, dx: -1 | 0 | 1, dy: -1 | 0 | 1): number {
    const place = this.places.get(row)
    if (!place) return this.first() ?? row
    return (dx !== 0 ? this.beside(place, dx) : this.across(row, dy)) ?? row
  }

  first(): number | null {
    return this.blocks.find(({ group }) => group.rows.length > 0)?.group.rows[0] ?? null
  }

  private beside({ block, position }: Place, dx: number): number | null {
    const rows = this.blocks[block]?.group.rows ?? []
    const inside = rows[position + dx]
    if (inside !== undefined) return inside
    for (let index = block + dx; index >= 0 && index < this.blocks.length; index += dx) {
      const next = this.blocks[index]?.group.rows ?? []
      if (next.length > 0) return (dx > 0 ? next[0] : next[next.length - 1]) ?? null
    }
    return null
  }

  private across(row: number, dy: number): number | null {
    const from = this.cellOf(row)
    if (!from) return null
    let best: number | null = null
    let distance = Infinity
    for (const block of this.blocks) {
      const nearest = this.nearestIn(block, from, dy)
      if (nearest !== null && nearest.distance < distance) {
        best = nearest.row
        distance = nearest.distance
      }
    }
    return best
  }

  /** The cell of a block that lies nearest in the direction: height counts before side. */
  private nearestIn(block: Block, from: Cell, dy: number): { row: number; distance: number } | null {
    const lines = Math.ceil(block.group.rows.length / block.across)
    const top = block.y + this.title
    const line = dy > 0 ? Math.max(0, Math.floor((from.y - top) / this.step) + 1) : Math.min(lines - 1, Math.ceil((from.y - top) / this.step) - 1)
    if (line < 0 || line >= lines) return null
    const column = Math.round((from.x - block.x) / this.step)
    const last = Math.min(block.across, block.group.rows.length - line * block.across) - 1
    const position = line * block.across + Math.min(Math.max(column, 0), last)
    const row = block.group.rows[position]
    if (row === undefined) return null
    const cell = this.cellAt(block, position)
    return { row, distance: Math.abs(cell.y - from.y) * 10 + Math.abs(cell.x - from.x) }
  }

  /** The first block that may reach below `y`: lines of blocks overlap in nothing. */
  private firstBelow(y: number): number {
    let low = 0
    let high = this.blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      const block = this.blocks[middle]
      if (block && block.y + this.lineHeight(block) < y) low = middle + 1
      else high = middle
    }
    return low
  }

  private lineHeight(block: Block): number {
    return this.lines.get(block.y) ?? block.height
  }

  private get lines(): Map<number, number> {
    this.knownLines ??= heightsOfLines(this.blocks)
    return this.knownLines
  }

  private knownLines: Map<number, number> | null = null

  private rowIn(block: Block, x: number, y: number): number | null {
    const column = Math.floor((x - block.x) / this.step)
    const line = Math.floor((y - block.y - this.title) / this.step)
    if (column < 0 || column >= block.across || line < 0) return null
    return block.group.rows[line * block.across + column] ?? null
  }
}

function heightsOfLines(blocks: readonly Block[]): Map<number, number> {
  const heights = new Map<number, number>()
  for (const block of blocks) heights.set(block.y, Math.max(heights.get(block.y) ?? 0, block.height))
  return heights
}

/** Blocks from left to right, in lines as high as their highest block. */
export function planOf(groups: readonly Group[], measures: Measures): Plan {
  const blocks: Block[] = []
  let x = 0
  let y = 0
  let lineHeight = 0
  for (const group of groups) {
    const { width, height, across } = sizeOf(group, measures)
    if (x > 0 && x + width > measures.width) {
      x = 0
      y += lineHeight + measures.between
      lineHeight = 0
    }
    blocks.push({ group, x, y, width, height, across })
    x += width + measures.between
    lineHeight = Math.max(lineHeight, height)
  }
  return new Plan(blocks, measures)
}

function sizeOf(group: Group, { width, cell, gap, title, across, narrowest }: Measures) {
  const step = cell + gap
  const fits = Math.max(1, Math.floor((width + gap) / step))
  const columns = Math.max(1, Math.min(across ?? fits, fits, Math.max(group.rows.length, 1)))
  const lines = Math.ceil(group.rows.length / columns)
  return {
    across: columns,
    width: Math.min(width, Math.max(columns * step - gap, narrowest)),
    height: title + Math.max(lines, 1) * step - gap,
  }
}

const SIZES: readonly (readonly [number, number])[] = [
  [64, 36],
  [256, 28],
  [1_024, 20],
  [4_096, 15],
  [20_000, 11],
]
const SMALLEST_CELL = 8

/** How large a cell is where there are so many. */
export function cellFor(count: number): number {
  return SIZES.find(([most]) => count <= most)?.[1] ?? SMALLEST_CELL
}
