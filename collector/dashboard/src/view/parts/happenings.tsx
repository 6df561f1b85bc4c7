// What happened in a time, newest first.
import { useSignal } from '@preact/signals'
import { chartsAround } from '../../address/around'
import type { Span } from '../../address/range'
import { kindText, type Happening } from '../../model/happening'
import { spanText } from '../../model/instant'
import { usePage } from '../context'
import type { Loaded } from './loaded'
import { Panel } from './panel'
import { SeverityMark } from './severities'
import { Failed, Loading, Nothing } from './states'
import { Time } from './time'

const LISTED_AT_FIRST = 15
const MORE_AT_ONCE = 50

interface HappeningsProps {
  readonly loaded: Loaded<Happening[]>
  readonly span: Span
  /** Of several GPUs, each event says of which it is. */
  readonly hasGpus?: boolean
}

export function Happenings({ loaded, span, hasGpus = false }: HappeningsProps) {
  const { data, failure, isLoading, again } = loaded
  const listed = useSignal(LISTED_AT_FIRST)
  const shown = data?.filter(({ occurredAt }) => occurredAt >= span.since && occurredAt < span.until) ?? []
  return (
    <Panel title="Events" aside={spanText(span.since, span.until)} testid="happenings">
      {failure !== null && <Failed what="Events" failure={failure} again={again} isOld={data !== null} />}
      {data === null && failure === null && isLoading && <Loading what="events" size="line" />}
      {data !== null && shown.length === 0 && <Nothing>Nothing happened in this time.</Nothing>}
      <ol class="happenings">
        {shown.slice(0, listed.value).map((happening) => <Line key={happening.id} happening={happening} hasGpu={hasGpus} />)}
      </ol>
      {shown.length > listed.value && (
        <button class="link-button panel-more" type="button" onClick={() => (listed.value += MORE_AT_ONCE)}>
          Show older ones: {shown.length - listed.value} more
        </button>
      )}
    </Panel>
  )
}

function Line({ happening, hasGpu }: { readonly happening: Happening; readonly hasGpu: boolean }) {
  const { session } = usePage()
  const href = chartsAround(happening, session.collectorNow())
  return (
    <li class="happening" data-testid="happening" data-kind={happening.kind}>
      <SeverityMark severity={happening.severity} />
      <span class="happening-time">
        {happening.gpuUuid === null ? (
          <Time at={happening.occurredAt} form="day" />
        ) : (
          <a href={href}>
            <Time at={happening.occurredAt} form="day" />
          </a>
        )}
      </span>
      <span class="happening-text">
        <strong>{kindText(happening)}</strong>
        {hasGpu && happening.gpuIndex !== null && ` on GPU ${happening.gpuIndex}`}. {happening.text}
      </span>
    </li>
  )
}
