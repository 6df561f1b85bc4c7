// How far apart the points of a chart are: as few questions' answers as a screen is wide, from tables that are cheap to ask.

const MOST_POINTS = 400
/** Whole multiples of each other where the collector's tables are: 5 minutes and an hour. */
const NICE_SECONDS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400] as const

/** The shortest step that makes at most 400 points of a span. */
export function stepFor(spanSeconds: number): number {
  return NICE_SECONDS.find((step) => spanSeconds / step <= MOST_POINTS) ?? 86_400
}

/** What to ask where nothing finer is kept any more: samples go before 5 minutes, and these before hours. */
export function coarser(step: number): number | null {
  if (step < 300) return 300
  return step < 3_600 ? 3_600 : null
}
