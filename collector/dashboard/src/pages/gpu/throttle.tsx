// Why the clocks were held back, and when: one row per reason that occurred.
import { useMemo } from 'preact/hooks'
import { duration } from '../../model/format'
import { isWarning, wordOf } from '../../model/flags'
import { localTime } from '../../model/instant'
import { runsOf, totalMs, unionOf, unreadRuns, type Run } from '../../model/runs'
import { useCharts } from '../../view/chart/group'
import { usePage } from '../../view/context'
import { WarningIcon } from '../../view/parts/icons'
import { Panel } from '../../view/parts/panel'
import { Nothing } from '../../view/parts/states'
import type { Ground } from './specs'

const METRIC = 'throttle_reasons'

/** The row that is no reason. */
const UNREAD = 'not_read'

interface Reason {
  readonly name: string
  readonly runs: readonly Run[]
}

export function ThrottleStrip({ ground }: { readonly ground: Ground }) {
  const { session } = usePage()
  const names = session.catalog.value.get(METRIC)?.names ?? []
  const { low, high } = useMemo(() => ground.drawn.timeline.column(METRIC, ground.starts), [ground])
  const bits = useMemo(() => unionOf(low, high), [low, high])
  const reasons = useMemo(
    () => names.map(({ name, value }) => ({ name, runs: runsOf(ground.starts, ground.drawn.step, bits, value) })).filter(({ runs }) => runs.length > 0),
    [names, bits],
  )
  const { until } = useCharts().span.value
  const unread = useMemo(() => unreadRuns(ground.starts, ground.drawn.step, bits, until, ground.drawn.timeline.usualCount), [bits, until])
  if (bits.every((value) => value === null)) return null
  const tip = `Each ${duration(ground.drawn.step)} in which a reason was seen is filled; shorter ranges show shorter times`
  return (
    <Panel title="Clocks held back by" testid="throttle" class="throttle" aside={<span data-tip={tip}>in steps of {duration(ground.drawn.step)}</span>}>
      {reasons.length === 0 && <Nothing>Nothing: the clocks were free {unread.length === 0 ? 'all the time' : 'whenever they were read'}.</Nothing>}
      {reasons.length + unread.length > 0 && (
        <ul class="strips">
          {reasons.map((reason) => <Strip key={reason.name} reason={reason} unread={unread} />)}
          {unread.length > 0 && <Strip key="" reason={{ name: UNREAD, runs: [] }} unread={unread} />}
        </ul>
      )}
    </Panel>
  )
}

interface StripProps {
  readonly reason: Reason
  readonly unread: readonly Run[]
}

/** Filled where the reason was seen, hatched where nobody knows. */
function Strip({ reason: { name, runs }, unread }: StripProps) {
  const group = useCharts()
  const { since, until } = group.shown
  const share = (at: number) => Math.min(1, Math.max(0, (at - since) / (until - since))) * 1000
  const path = runs.map((run) => `M${share(run.since).toFixed(1)} 0H${Math.max(share(run.since) + 1, share(run.until)).toFixed(1)}V10H${share(run.since).toFixed(1)}Z`).join('')
  const moment = group.cursor.value
  const told = name === UNREAD ? unread : runs
  return (
    <li class={`strip-row ${isWarning(name) ? 'is-warning' : ''}`} data-testid="strip" data-reason={name}>
      <span class="strip-name">
        {isWarning(name) && <WarningIcon />}
        {wordOf(name)}
      </span>
      <span class="strip-track">
        {unread.map((run) => <span key={run.since} class="strip-unread" style={{ left: `${share(run.since) / 10}%`, width: `${(share(run.until) - share(run.since)) / 10}%` }} />)}
        <svg class="strip-runs" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label={describe(told)}>
          <path d={path} />
          {moment !== null && <path class="strip-cursor" d={`M${share(moment).toFixed(1)} 0V10`} />}
        </svg>
      </span>
      <span class="strip-total">{duration(totalMs(told))}</span>
    </li>
  )
}

const MOST_SAID = 5

function describe(runs: readonly Run[]): string {
  const said = runs.slice(-MOST_SAID).map((run) => `from ${localTime(run.since, 'day')} to ${localTime(run.until, 'day')}`)
  return `${runs.length > MOST_SAID ? `${runs.length} times, lastly ` : ''}${said.join(', ')}`
}
