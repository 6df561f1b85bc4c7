// What happened in a time, newest first.
import { useSignal } from '@preact/signals'
import { gpuAddress } from '../../address/gpu'
import { fixed, type Span } from '../../address/range'
import { pathOf } from '../../address/routes'
import { kindText, type Happening, type Severity } from '../../model/happening'
import { spanText } from '../../model/instant'
import { usePage } from '../context'
import { LostIcon, UpIcon, WarningIcon } from './icons'
import type { Loaded } from './loaded'
import { Panel } from './panel'
import { Failed, Loading, Nothing } from './states'
import { Time } from './time'

const SEVERITIES = {
  critical: { icon: LostIcon, word: 'Critical', tone: 'bad' },
  warning: { icon: WarningIcon, word: 'Warning', tone: 'warn' },
  info: { icon: UpIcon, word: 'Info', tone: 'quiet' },
} as const satisfies Record<Severity, unknown>

const LISTED_AT_FIRST = 15
const MORE_AT_ONCE = 50
/** How much of the charts is shown around an event that is opened. */
const AROUND_MS = 15 * 60_000

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
  const { icon: Shape, word, tone } = SEVERITIES[happening.severity]
  const around = { since: happening.occurredAt - AROUND_MS, until: happening.occurredAt + AROUND_MS }
  const search = gpuAddress.format({ ...gpuAddress.usual, range: fixed(around, session.collectorNow()) })
  return (
    <li class="happening" data-testid="happening" data-kind={happening.kind}>
      <span class={`badge tone-${tone}`} data-tip={word}>
        <Shape />
        <span class="hidden">{word}: </span>
      </span>
      <span class="happening-time">
        {happening.gpuUuid === null ? (
          <Time at={happening.occurredAt} form="day" />
        ) : (
          <a href={pathOf('gpu', happening.gpuUuid) + search}>
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
