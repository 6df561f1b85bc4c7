// The time that a page shows: the last so long, or any other, and the way earlier, later and back out.
import { useEffect, useRef } from 'preact/hooks'
import { fixed, last, panned, spanOf, widened, writeRange, type Range } from '../../address/range'
import { spanText } from '../../model/instant'
import { usePage } from '../context'
import { CalendarIcon, ChevronIcon, ZoomOutIcon } from './icons'
import { closeFromOutside } from './menu'
import { Segmented } from './segmented'

const CHOICES = ['15m', '1h', '6h', '24h', '7d', '30d'].map((title) => ({ value: writeRange(last(title)), title, tip: `The last ${title}` }))

interface RangePickerProps {
  readonly range: Range
  readonly onChange: (range: Range) => void
}

export function RangePicker({ range, onChange }: RangePickerProps) {
  const { session } = usePage()
  const span = () => spanOf(range, session.collectorNow())
  const pan = (share: number) => onChange(panned(span(), share, session.collectorNow()))
  const isLive = range.kind === 'last'
  return (
    <div class="rangepicker" data-testid="range">
      <Segmented label="Time" choices={CHOICES} value={writeRange(range)} onChoose={(text) => onChange(last(text))} />
      <div class="rangepicker-moves">
        <button class="icon-button" type="button" aria-label="Earlier" data-tip="Earlier" onClick={() => pan(-0.5)}>
          <ChevronIcon class="flipped" />
        </button>
        <button class="icon-button" type="button" aria-label="Later" data-tip="Later" disabled={isLive} onClick={() => pan(0.5)}>
          <ChevronIcon />
        </button>
        <button class="icon-button" type="button" aria-label="Zoom out" data-tip="Zoom out" onClick={() => onChange(widened(span(), 2, session.collectorNow()))}>
          <ZoomOutIcon />
        </button>
        <OtherRange range={range} onChange={onChange} />
      </div>
      {!isLive && <span class="rangepicker-span" data-testid="range-span">{spanText(range.since, range.until)}</span>}
    </div>
  )
}

/** From any instant to any other, in local time as the browser's own fields have it. */
function OtherRange({ range, onChange }: RangePickerProps) {
  const { session } = usePage()
  const details = useRef<HTMLDetailsElement>(null)
  useEffect(() => closeFromOutside(details), [])
  const now = session.collectorNow()
  const { since, until } = spanOf(range, now)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const [from, to] = [form.get('from'), form.get('to')].map((value) => new Date(String(value)).getTime())
    if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to) || from === to) return
    details.current?.removeAttribute('open')
    onChange(fixed({ since: from, until: to }, now))
  }
  return (
    <details class="dropdown" ref={details}>
      <summary class="icon-button" aria-label="Another time" data-tip="Another time">
        <CalendarIcon />
      </summary>
      <form class="dropdown-body" onSubmit={submit}>
        <label>
          From
          <input type="datetime-local" name="from" step={1} required value={fieldText(since)} />
        </label>
        <label>
          To
          <input type="datetime-local" name="to" step={1} required value={fieldText(until)} />
        </label>
        <button class="button" type="submit">Show</button>
      </form>
    </details>
  )
}

/** As a field of local time takes it, to the second. */
function fieldText(milliseconds: number): string {
  const local = new Date(milliseconds - new Date(milliseconds).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}
