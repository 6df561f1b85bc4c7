// Everything that happened in the fleet: when it was, where, how bad, and the way to the charts around it.
import { useMemo, useEffect } from 'preact/hooks'
import { eventsAddress, type EventsAddress } from '../../address/events'
import { fixed, spanOf, writeRange, type Span } from '../../address/range'
import type { Parameters } from '../../feed/api'
import type { Happening } from '../../model/happening'
import { EventList } from '../../state/eventlist'
import { useAddress, usePage } from '../../view/context'
import { PageHead } from '../../view/parts/pagehead'
import { RangePicker } from '../../view/parts/rangepicker'
import { useFleetNames } from '../../view/parts/usefleetnames'
import { EventBars } from './bars'
import './events.css'
import { Filters } from './filters'
import { EventRows } from './rows'

export default function EventsPage() {
  const { session } = usePage()
  const [choice, change] = useAddress(eventsAddress)
  useFleetNames()
  const events = useEvents(choice)
  const listed = events.listed.value
  // Reading the signal makes "the last so long" move on.
  const span = spanOf(choice.range, session.now.value && session.collectorNow())
  const happenings = useMemo(() => within(listed?.happenings ?? [], span), [listed, Math.floor(span.since / 1000), Math.floor(span.until / 1000)])
  return (
    <>
      <PageHead title="Events">
        <div class="events-range">
          <RangePicker range={choice.range} onChange={(range) => change({ range })} />
        </div>
      </PageHead>
      <Filters choice={choice} happenings={happenings} isWhole={listed?.hasMore === false} onChange={(part) => change(part, { isReplacing: true })} />
      <EventBars
        happenings={happenings}
        span={span}
        isWhole={listed?.hasMore !== true}
        onZoom={(zoomed) => change({ range: fixed(zoomed, session.collectorNow()) }, { isZoom: true })}
      />
      <EventRows events={events} happenings={happenings} span={span} isFiltered={isFiltered(choice)} onClear={() => change({ ...eventsAddress.usual, range: choice.range })} />
    </>
  )
}

function within(happenings: readonly Happening[], { since, until }: Span): readonly Happening[] {
  return happenings.filter(({ occurredAt }) => occurredAt >= since && occurredAt < until)
}

function isFiltered({ host, gpu, kind, severity }: EventsAddress): boolean {
  return host.length + gpu.length + kind.length + severity.length > 0
}

function useEvents(choice: EventsAddress): EventList {
  const { session } = usePage()
  const events = useMemo(
    () =>
      new EventList({
        api: session.api,
        collectorNow: () => session.collectorNow(),
        schedule: (action, delay) => window.setTimeout(action, delay),
        cancel: (timer) => window.clearTimeout(timer),
      }),
    [],
  )
  const returns = session.returns.value
  useEffect(() => {
    const stop = session.onHappening((happening) => events.hear(happening))
    return () => {
      stop()
      events.stop()
    }
  }, [events])
  useEffect(
    () => events.show({ range: choice.range, filter: filterOf(choice), concerns: (happening) => concerns(choice, happening) }),
    [writeRange(choice.range), JSON.stringify(filterOf(choice))],
  )
  useEffect(() => {
    if (returns > 0) events.again()
  }, [returns])
  return events
}

function filterOf({ host, gpu, kind, severity }: EventsAddress): Parameters {
  return { host, gpu_uuid: gpu, kind, severity }
}

function concerns({ host, gpu, kind, severity }: EventsAddress, happening: Happening): boolean {
  const isAmong = (list: readonly string[], name: string | null) => list.length === 0 || (name !== null && list.includes(name))
  return isAmong(host, happening.host) && isAmong(gpu, happening.gpuUuid) && isAmong(kind, happening.kind) && isAmong(severity, happening.severity)
}
