// The events themselves, newest first and day by day; each leads to the charts around its moment.
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { chartsAround } from '../../address/around'
import type { Span } from '../../address/range'
import { pathOf } from '../../address/routes'
import { fixed as digits } from '../../model/format'
import { kindText, type Happening } from '../../model/happening'
import { dayText, spanText } from '../../model/instant'
import { MOST_LISTED, type EventList } from '../../state/eventlist'
import { usePage } from '../../view/context'
import { Panel } from '../../view/parts/panel'
import { SeverityMark } from '../../view/parts/severities'
import { Failed, Loading, Nothing } from '../../view/parts/states'
import { Time } from '../../view/parts/time'
import { useKeys } from '../../view/parts/usekeys'

const DRAWN_AT_FIRST = 100
const MORE_AT_ONCE = 200

interface EventRowsProps {
  readonly events: EventList
  readonly happenings: readonly Happening[]
  readonly span: Span
  readonly isFiltered: boolean
  readonly onClear: () => void
}

export function EventRows({ events, happenings, span, isFiltered, onClear }: EventRowsProps) {
  const rows = useRef<HTMLOListElement>(null)
  const drawn = useSignal(DRAWN_AT_FIRST)
  const listed = events.listed.value
  const failure = events.failure.value
  const hasMore = listed?.hasMore === true
  useRowKeys(rows)
  const more = () => {
    if (drawn.value + MORE_AT_ONCE > happenings.length && hasMore) void events.older()
    drawn.value += MORE_AT_ONCE
  }
  const days = byDay(happenings.slice(0, drawn.value))
  return (
    <Panel title={spanText(span.since, span.until)} aside={<Count count={happenings.length} hasMore={hasMore} />} testid="events" class={events.isLoading.value && listed !== null ? 'is-loading' : ''}>
      {failure !== null && <Failed what="Events" failure={failure} again={() => events.again()} isOld={listed !== null} />}
      {listed === null && failure === null && <Loading what="events" size="panel" />}
      {listed !== null && happenings.length === 0 && (
        <Nothing>
          {isFiltered ? 'Nothing of this kind happened in this time. ' : 'Nothing happened in this time.'}
          {isFiltered && <button class="link-button" type="button" onClick={onClear}>Show all events</button>}
        </Nothing>
      )}
      <ol class="eventrows" ref={rows}>
        {days.map(({ day, happenings: own }) => (
          <li key={day}>
            <h3 class="eventrows-day">{day}</h3>
            <ol>{own.map((happening) => <Row key={happening.id} happening={happening} />)}</ol>
          </li>
        ))}
      </ol>
      {(happenings.length > drawn.value || hasMore) && (
        <button class="link-button panel-more" type="button" data-testid="older" onClick={more}>Show older ones</button>
      )}
      {happenings.length >= MOST_LISTED && <Nothing>No more than {digits(MOST_LISTED, 0)} are listed: choose a shorter time for what is older.</Nothing>}
    </Panel>
  )
}

function Count({ count, hasMore }: { readonly count: number; readonly hasMore: boolean }) {
  return (
    <span role="status" data-testid="event-count">
      {hasMore && 'the newest '}
      {digits(count, 0)} {count === 1 ? 'event' : 'events'}
    </span>
  )
}

function Row({ happening }: { readonly happening: Happening }) {
  const { session } = usePage()
  const { host, gpuUuid, gpuIndex, occurredAt, severity, text } = happening
  return (
    <li class="eventrow" data-testid="event" data-kind={happening.kind} data-severity={severity}>
      <SeverityMark severity={severity} />
      <Time at={occurredAt} form="clock" />
      <span class="eventrow-place">
        <a href={pathOf('host', host)}>{host}</a>
        {gpuUuid !== null && (
          <>
            {' · '}
            <a href={pathOf('gpu', gpuUuid)}>GPU {gpuIndex ?? '?'}</a>
          </>
        )}
      </span>
      <span class="eventrow-text">
        <a class="eventrow-what" href={chartsAround(happening, session.collectorNow())} data-row data-tip={gpuUuid === null ? 'The host around this moment' : 'The charts around this moment'}>
          {kindText(happening)}
        </a>
        {text !== '' && <span class="eventrow-detail">{text}</span>}
      </span>
    </li>
  )
}

function byDay(happenings: readonly Happening[]): { readonly day: string; readonly happenings: readonly Happening[] }[] {
  const days = new Map<string, Happening[]>()
  for (const happening of happenings) {
    const day = dayText(happening.occurredAt)
    const known = days.get(day)
    if (known) known.push(happening)
    else days.set(day, [happening])
  }
  return [...days].map(([day, own]) => ({ day, happenings: own }))
}

/** `j` and `k` go from row to row; Enter is the link's own. */
function useRowKeys(rows: { readonly current: HTMLOListElement | null }): void {
  const move = (by: number) => {
    const links = [...(rows.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])]
    const at = links.findIndex((link) => link === document.activeElement)
    links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))]?.focus()
  }
  useKeys('Events', [
    { keys: 'j', help: 'Next event', run: () => move(1) },
    { keys: 'k', help: 'Previous event', run: () => move(-1) },
    { keys: 'Enter', help: 'The charts around it', run: null },
  ])
}
