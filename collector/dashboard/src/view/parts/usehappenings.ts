// What happened in the time shown, and what happens while the page is open.
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Span } from '../../address/range'
import type { Parameters } from '../../feed/api'
import { askHappenings } from '../../feed/past'
import type { Happening } from '../../model/happening'
import { usePage } from '../context'
import { useLoaded, type Loaded } from './loaded'

const AGAIN_MS = 60_000
const MOST_HEARD = 200
/** A time that moves on is asked about anew when it has moved this far. */
const PACE_MS = 300_000

/** `concerns` says of what is heard what `filter` says of what is asked. */
export function useHappenings(filter: Parameters, { since, until }: Span, concerns: (happening: Happening) => boolean): Loaded<Happening[]> {
  const { session } = usePage()
  // A whole pace more on both sides: what happens meanwhile is within.
  const asked = { since: Math.floor(since / PACE_MS) * PACE_MS, until: Math.ceil(until / PACE_MS) * PACE_MS + PACE_MS }
  const about = JSON.stringify(filter)
  const key = `${about} ${asked.since} ${asked.until}`
  const loaded = useLoaded(key, (abort) => askHappenings(session.api, filter, asked, abort), AGAIN_MS)
  const [heard, setHeard] = useState<readonly Happening[]>([])
  useEffect(
    () => session.onHappening((happening) => concerns(happening) && setHeard((known) => [happening, ...known].slice(0, MOST_HEARD))),
    [about],
  )
  const data = useMemo(() => (loaded.data === null ? null : joined(heard, loaded.data)), [heard, loaded.data])
  return { ...loaded, data }
}

/** Newest first, each once: what was heard is also told when it is asked for again. */
function joined(heard: readonly Happening[], told: readonly Happening[]): Happening[] {
  const known = new Set(told.map(({ id }) => id))
  return [...heard.filter(({ id }) => !known.has(id)), ...told].sort((a, b) => b.occurredAt - a.occurredAt)
}
