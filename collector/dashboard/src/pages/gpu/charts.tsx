// The charts of a GPU, one for each unit of each panel, below the strip that says why its clocks were held back.
import { useMemo } from 'preact/hooks'
import { absenceText } from '../../model/absence'
import type { Happening } from '../../model/happening'
import type { Incomplete } from '../../model/incomplete'
import { chartPlans } from '../../model/panels'
import { metricTitle } from '../../model/value'
import type { GpuPast } from '../../state/gpupast'
import { Chart } from '../../view/chart/chart'
import { useCharts } from '../../view/chart/group'
import { usePage } from '../../view/context'
import { IncompleteNote } from '../../view/parts/incompletenote'
import { Failed, Nothing } from '../../view/parts/states'
import { chartsOf, groundOf, type Charts } from './specs'
import { ThrottleStrip } from './throttle'

interface GpuChartsProps {
  readonly past: GpuPast
  readonly happenings: readonly Happening[]
  readonly absent: Readonly<Record<string, string>>
}

export function GpuCharts({ past, happenings, absent }: GpuChartsProps) {
  const { session } = usePage()
  const span = useCharts().span.value
  const drawn = past.drawn.value
  const failure = past.failure.value
  const catalog = session.catalog.value
  const plans = useMemo(() => chartPlans(catalog), [catalog])
  const ground = useMemo(() => (drawn === null ? null : groundOf(drawn, span)), [drawn, span])
  const charts = useMemo(() => (ground === null ? null : chartsOf(plans, ground)), [plans, ground])
  const failed = failure === null ? null : <Failed what="The charts" failure={failure} again={() => past.again()} isOld={drawn !== null} />
  if (ground === null || charts === null) {
    return failed ?? <Ghosts />
  }
  return (
    <>
      {failed}
      {ground.starts.length === 0 && (
        <div class="panel panel-empty" data-testid="no-history">
          <Nothing>Nothing was read in this time.</Nothing>
        </div>
      )}
      <ThrottleStrip ground={ground} />
      <div class="charts" data-testid="charts" data-step={ground.drawn.step}>
        {charts.specs.map((spec) => (
          <div class="panel" key={spec.id}>
            <Chart spec={spec} happenings={happenings} />
          </div>
        ))}
      </div>
      {ground.starts.length > 0 && <Rest charts={charts} incomplete={ground.drawn.incomplete} absent={absent} />}
    </>
  )
}

/** As tall as what comes, so that nothing moves when it does. */
function Ghosts() {
  return (
    <>
      <div class="throttle panel ghost ghost-throttle" aria-hidden="true" />
      <span class="hidden" role="status">Loading the charts</span>
      <div class="charts" aria-hidden="true">
        {['a', 'b', 'c', 'd', 'e', 'f'].map((key) => <div key={key} class="panel ghost ghost-chart" />)}
      </div>
    </>
  )
}

interface RestProps {
  readonly charts: Charts
  readonly incomplete: readonly Incomplete[]
  readonly absent: Readonly<Record<string, string>>
}

/** What has no chart, and why: never an empty frame. */
function Rest({ charts: { specs, quiet, missing, begun }, incomplete, absent }: RestProps) {
  const reasons = new Map<string, string[]>()
  for (const { name } of missing) {
    const reason = absenceText(absent[name], true)
    reasons.set(reason, [...(reasons.get(reason) ?? []), metricTitle(name)])
  }
  const hasBars = specs.some(({ lines }) => lines.some(({ form }) => form === 'bars'))
  if (quiet.length + begun.length + reasons.size === 0 && !hasBars) return null
  return (
    <dl class="rest" data-testid="without-chart">
      {quiet.length > 0 && (
        <div>
          <dt>Did not grow in this time</dt>
          <dd>{quiet.map(({ name }) => metricTitle(name)).join(', ')}</dd>
        </div>
      )}
      {begun.length > 0 && (
        <div>
          <dt>No step is over yet</dt>
          <dd>{begun.map(({ name }) => metricTitle(name)).join(', ')}</dd>
        </div>
      )}
      {hasBars && incomplete.length > 0 && (
        <div>
          <dt>Counters</dt>
          <dd><IncompleteNote incomplete={incomplete} /></dd>
        </div>
      )}
      {[...reasons].map(([reason, titles]) => (
        <div key={reason}>
          <dt>n/a: {reason}</dt>
          <dd>{titles.join(', ')}</dd>
        </div>
      ))}
    </dl>
  )
}
