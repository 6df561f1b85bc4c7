// When it was that much happened: bars over the time, each part of them of one severity; a click goes into the time of one.
import { useMemo } from 'preact/hooks'
import type { Span } from '../../address/range'
import { eventBars, type EventBar } from '../../model/eventbars'
import { plural } from '../../model/format'
import { SEVERITIES, type Happening } from '../../model/happening'
import { axisTime, spanText } from '../../model/instant'
import { roundTicks } from '../../model/roundticks'

const BARS = 60
const TICKS = 9
/** Beyond these places there is no room for a time: on a telephone, and on any screen. */
const LATE = 0.88
const LAST = 0.965

interface EventBarsProps {
  readonly happenings: readonly Happening[]
  readonly span: Span
  /** Otherwise the oldest ones of the time are not known. */
  readonly isWhole: boolean
  readonly onZoom: (span: Span) => void
}

export function EventBars({ happenings, span, isWhole, onZoom }: EventBarsProps) {
  const bars = useMemo(() => eventBars(happenings, span, BARS), [happenings])
  const most = Math.max(1, ...bars.map(({ total }) => total))
  const oldest = happenings.at(-1)?.occurredAt ?? span.until
  const [since, until] = [bars[0]?.since ?? span.since, bars.at(-1)?.until ?? span.until]
  const ticks = roundTicks({ since, until }, TICKS)
  return (
    <div class="panel eventbars" aria-hidden="true" data-testid="eventbars">
      <div class="eventbars-plot">
        {bars.map((bar) => (
          <button
            key={Math.round(bar.since)}
            class={`eventbar ${!isWhole && bar.since < oldest ? 'is-unknown' : ''}`}
            type="button"
            tabIndex={-1}
            data-tip={tipOf(within(bar, span), isWhole || bar.since >= oldest)}
            onClick={() => onZoom(bar)}
          >
            {SEVERITIES.map((severity) => {
              const count = bar.counts[severity]
              return count > 0 && <span key={severity} class={`eventbar-part eventbar-${severity}`} style={{ height: `${(100 * count) / most}%` }} />
            })}
          </button>
        ))}
      </div>
      <div class="eventbars-axis">
        {ticks.at.map((tick) => {
          const place = (tick - since) / (until - since)
          return (
            <span key={tick} class={place > LATE ? 'is-late' : ''} style={{ left: `${100 * place}%` }}>
              {place < LAST ? axisTime(tick, ticks.apartSeconds) : ''}
            </span>
          )
        })}
      </div>
    </div>
  )
}

/** Of the first and the last bar only what lies in the time is known. */
function within(bar: EventBar, { since, until }: Span): EventBar {
  return { ...bar, since: Math.max(bar.since, since), until: Math.min(bar.until, until) }
}

function tipOf({ since, until, counts, total }: EventBar, isKnown: boolean): string {
  const parts = SEVERITIES.filter((severity) => counts[severity] > 0).map((severity) => `${counts[severity]} ${severity}`)
  const words = total === 0 ? (isKnown ? 'nothing' : 'not listed yet') : `${plural(total, 'event')}: ${parts.join(', ')}`
  return `${spanText(since, until)}\n${words}`
}
