// Instants in words: local time where people read it, UTC where it is compared with a log.

export type TimeForm = 'full' | 'day' | 'clock'

const FORMS: Readonly<Record<TimeForm, Intl.DateTimeFormatOptions>> = {
  full: { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  day: { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  clock: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function format(milliseconds: number, options: Intl.DateTimeFormatOptions): string {
  const key = JSON.stringify(options)
  let formatter = formatters.get(key)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-GB', options)
    formatters.set(key, formatter)
  }
  return formatter.format(milliseconds)
}

/** `28 Nov 2026, 07:03:20`, in the time zone of the browser or the one named. */
export function localTime(milliseconds: number, form: TimeForm = 'full', timeZone?: string): string {
  return format(milliseconds, timeZone === undefined ? FORMS[form] : { ...FORMS[form], timeZone })
}

/** `2026-11-28 07:03:20 UTC`. */
export function utcTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC')
}

/** `Saturday, 28 November 2026`. */
export function dayText(milliseconds: number, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone }
  return format(milliseconds, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', ...zone })
}

/** A label of a time axis whose labels are so many seconds apart; the day is said at midnight and where days part. */
export function axisTime(milliseconds: number, apartSeconds: number, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone }
  if (apartSeconds >= 86_400) return format(milliseconds, { day: 'numeric', month: 'short', ...zone })
  const clock = format(milliseconds, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(apartSeconds < 60 ? { second: '2-digit' } : {}),
    ...zone,
  })
  return clock === '00:00' ? format(milliseconds, { day: 'numeric', month: 'short', ...zone }) : clock
}

/** `28 Nov, 06:00 – 07:00`, or with both days where they differ. */
export function spanText(since: number, until: number, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone }
  const day: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short', ...zone }
  const clock: Intl.DateTimeFormatOptions = {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(until - since < 600_000 ? { second: '2-digit' } : {}),
    ...zone,
  }
  const [firstDay, lastDay] = [format(since, day), format(until, day)]
  const end = firstDay === lastDay ? format(until, clock) : `${lastDay}, ${format(until, clock)}`
  return `${firstDay}, ${format(since, clock)} – ${end}`
}
