// Whether the page hears the collector: a word in the bar, and when it does not, a notice that cannot be missed.
import { duration } from '../../model/format'
import type { LinkState } from '../../feed/link'
import { usePage } from '../context'
import { DownIcon, LateIcon, UpIcon } from '../parts/icons'

export function Connection() {
  const { session } = usePage()
  const link = session.link.value
  const state = wordOf(link, session.lostAt.value)
  return (
    <span class={`connection connection-${state}`} role="status" data-testid="connection" data-state={state}>
      {state === 'live' ? <UpIcon /> : state === 'connecting' ? <LateIcon /> : <DownIcon />}
      {LABELS[state]}
    </span>
  )
}

type Word = 'live' | 'connecting' | 'reconnecting' | 'disconnected'
const LABELS: Readonly<Record<Word, string>> = {
  live: 'Live',
  connecting: 'Connecting',
  reconnecting: 'Reconnecting',
  disconnected: 'Disconnected',
}

function wordOf(link: LinkState, lostAt: number | null): Word {
  if (link.phase === 'live') return 'live'
  if (link.phase === 'waiting') return 'disconnected'
  return lostAt === null ? 'connecting' : 'reconnecting'
}

/** Nothing while the page is live or connects for the first time. */
export function ConnectionNotice() {
  const { session } = usePage()
  const link = session.link.value
  const lostAt = session.lostAt.value
  if (link.phase === 'live' || (link.phase === 'connecting' && lostAt === null)) return null
  const now = session.now.value
  return (
    <div class="notice tone-bad" role="alert" data-testid="connection-notice">
      <DownIcon />
      <p>
        <strong>{lostAt === null ? 'No connection to the collector.' : 'Connection to the collector lost.'}</strong>{' '}
        <span aria-live="off">
          {lostAt !== null && `Everything below is as it was ${duration(now - lostAt)} ago. `}
          {link.phase === 'waiting' ? `Trying again in ${duration(Math.max(1000, link.retryAt - now))}.` : 'Trying now…'}
          {link.phase === 'waiting' && link.reason !== null && ` It said: ${link.reason}.`}
        </span>
      </p>
      <button class="button" type="button" onClick={() => session.retryNow()}>
        Try now
      </button>
    </div>
  )
}
