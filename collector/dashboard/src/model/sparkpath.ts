// Points to an SVG path: one line per unbroken run, so that a gap in the readings stays a gap on the screen.

export interface SparkPath {
  readonly line: string
  readonly area: string
}

/** Of a line `height` tall, one unit of width per point; `top` is the value at the upper edge. */
export function sparkPath(points: readonly (number | null)[], top: number, height: number): SparkPath {
  let line = ''
  let area = ''
  for (const run of runsOf(points)) {
    const end = run.start + run.values.length - 1
    const drawn = run.values.map((value, offset) => `${run.start + offset} ${level(value, top, height)}`)
    if (drawn.length === 1) drawn.push(`${end + 0.5} ${level(run.values[0] ?? 0, top, height)}`)
    line += `M${drawn.join('L')}`
    area += `M${run.start} ${height}L${drawn.join('L')}L${drawn.length === run.values.length ? end : end + 0.5} ${height}Z`
  }
  return { line, area }
}

interface Run {
  readonly start: number
  readonly values: number[]
}

function runsOf(points: readonly (number | null)[]): Run[] {
  const runs: Run[] = []
  let current: Run | null = null
  points.forEach((value, position) => {
    if (value === null) {
      current = null
      return
    }
    if (current === null) {
      current = { start: position, values: [] }
      runs.push(current)
    }
    current.values.push(value)
  })
  return runs
}

function level(value: number, top: number, height: number): string {
  const share = top > 0 ? Math.min(1, Math.max(0, value / top)) : 0
  return (height - share * height).toFixed(1)
}
