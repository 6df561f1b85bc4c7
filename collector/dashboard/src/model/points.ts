// Points of a chart: which of them stand alone, where readings are missing, and which is nearest to a moment.

export type Value = number | null

/** Longer than so many usual gaps, a stretch without values is a gap on the chart. */
const GAP_AFTER = 2.5

/** Nulls between values that are as far apart as usual are `undefined`, which a line is drawn across: what is read less often than drawn has no gaps. */
export function bridged(times: readonly number[], values: readonly Value[], step: number): (Value | undefined)[] {
  const known = values.flatMap((value, position) => (value === null ? [] : [position]))
  const longest = longestGap(times, values, step)
  const drawn: (Value | undefined)[] = [...values]
  known.forEach((position, order) => {
    const next = known[order + 1]
    if (next === undefined || (times[next] ?? 0) - (times[position] ?? 0) > longest) return
    for (let between = position + 1; between < next; between++) drawn[between] = undefined
  })
  return drawn
}

/** Values further apart than this have a gap between them. */
export function longestGap(times: readonly number[], values: readonly Value[], step: number): number {
  return GAP_AFTER * Math.max(step, usualGap(times.filter((_, position) => (values[position] ?? null) !== null)))
}

/** How far apart they are: the median, which a few gaps do not change. They ascend. */
export function usualGap(times: readonly number[]): number {
  const gaps = times.slice(1).map((time, position) => time - (times[position] ?? 0)).sort((a, b) => a - b)
  return gaps[Math.floor(gaps.length / 2)] ?? 0
}

/** Values that no line reaches, and that have to be drawn as dots. */
export function loneIndexes(values: readonly (Value | undefined)[]): number[] {
  const known = values.flatMap((value, position) => (value === undefined ? [] : [position]))
  return known.filter((position, order) => {
    const isNull = (at: number | undefined) => at === undefined || values[at] === null
    return values[position] !== null && isNull(known[order - 1]) && isNull(known[order + 1])
  })
}

/** The position of the time nearest to a moment; null where there is none. `times` ascend. */
export function nearestIndex(times: readonly number[], moment: number): number | null {
  let low = 0
  let high = times.length - 1
  if (high < 0) return null
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) <= moment) low = middle
    else high = middle
  }
  return moment - (times[low] ?? 0) <= (times[high] ?? 0) - moment ? low : high
}
