// An instant as people here read it; its UTC on hover and for programs.
import { localTime, utcTime } from '../../model/instant'

interface TimeProps {
  /** Milliseconds since 1970. */
  readonly at: number
  /** `day` leaves the year out, `clock` the day too. */
  readonly form?: 'full' | 'day' | 'clock'
}

export function Time({ at, form = 'full' }: TimeProps) {
  return (
    <time class="time" dateTime={new Date(at).toISOString()} data-tip={utcTime(at)}>
      {localTime(at, form)}
    </time>
  )
}
