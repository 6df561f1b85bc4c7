// A GPU that does not answer: since when, and what that means for everything below.
import { askHappenings } from '../../feed/past'
import type { GpuView } from '../../model/fleet'
import { duration } from '../../model/format'
import { usePage } from '../../view/context'
import { LostIcon } from '../../view/parts/icons'
import { useLoaded } from '../../view/parts/loaded'
import { Time } from '../../view/parts/time'
import { GPU_WORDS } from '../../view/parts/words'

/** The events that begin such a state. */
const BEGINNINGS: Readonly<Record<string, string>> = { lost: 'gpu_lost', hung: 'gpu_hung', driver_mismatch: 'driver_changed' }
const LOOK_BACK_MS = 90 * 86_400_000

export function Trouble({ view }: { readonly view: GpuView }) {
  const { session } = usePage()
  const { state, uuid } = view.gpu
  const since = useSince(uuid, state, view.arrival?.recordedAt ?? null)
  const wording = GPU_WORDS[state]
  // A collector that was started after it was lost knows when it was read, and no more.
  const hasValues = Object.values(view.values).some((value) => value !== null)
  if (wording === null || wording.tone === 'quiet') return null
  // Reading the signal makes the time grow.
  const elapsed = since === null ? null : session.now.value && session.collectorNow() - since
  return (
    <div class={`notice tone-${wording.tone}`} role="alert" data-testid="trouble">
      <LostIcon />
      <p>
        <strong>
          {wording.word}
          {since !== null && (
            <>
              {' '}
              since <Time at={since} form="day" />
            </>
          )}
          .
        </strong>{' '}
        {elapsed !== null && <span aria-live="off">For {duration(elapsed)} now. </span>}
        {wording.tip} {state !== 'driver_mismatch' && hasValues && 'Values below are its last.'}
      </p>
    </div>
  )
}

/** As its latest event says; where there is none, its last reading. */
function useSince(uuid: string, state: string, lastRead: number | null): number | null {
  const { session } = usePage()
  const kind = BEGINNINGS[state]
  const key = kind === undefined ? null : `${uuid} ${kind}`
  const ask = async (abort: AbortSignal) => {
    const until = session.collectorNow() + 600_000
    const found = await askHappenings(session.api, { gpu_uuid: uuid, kind: kind ?? '' }, { since: until - LOOK_BACK_MS, until }, abort)
    return found[0]?.occurredAt ?? null
  }
  const { data } = useLoaded(key, ask)
  return kind === undefined ? null : (data ?? lastRead)
}
