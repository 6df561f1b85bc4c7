// How long to wait before the next attempt to connect: exponential with full jitter, so that a thousand pages do not come back at once.

const FIRST_MS = 1_000
const LONGEST_MS = 15_000
const SHORTEST_MS = 250

/** `attempt` counts from 0; `random` is uniform in [0, 1). */
export function reconnectDelay(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10))
  return SHORTEST_MS + random * (ceiling - SHORTEST_MS)
}
