// The answer over time.
import { useMemo } from 'preact/hooks'
import type { Exploration } from '../../feed/explore'
import type { Metric } from '../../model/catalog'
import type { Question } from '../../model/explore/question'
import { localTime, utcTime } from '../../model/instant'
import { Chart } from '../../view/chart/chart'
import { useCharts } from '../../view/chart/group'
import { IncompleteNote } from '../../view/parts/incompletenote'
import { MOST_LINES, specsOf } from './specs'

interface LinesProps {
  readonly question: Question
  readonly metric: Metric
  readonly exploration: Exploration
}

export function Lines({ question, metric, exploration }: LinesProps) {
  const specs = useMemo(() => specsOf(question, metric, exploration), [exploration, question.compare, question.agg, metric])
  return (
    <>
      {specs.map((spec) => (
        <div class="panel explore-chart" key={spec.id} data-step={exploration.step}>
          <Chart spec={spec} happenings={NONE} />
        </div>
      ))}
      <IncompleteNote incomplete={exploration.incomplete} />
      <IncompleteNote incomplete={exploration.incompleteBefore} />
      <p class="explore-note">
        {exploration.groups.length > MOST_LINES && `The first ${MOST_LINES} are drawn. `}
        <Crosshair />
      </p>
    </>
  )
}

const NONE: readonly never[] = []

function Crosshair() {
  const moment = useCharts().cursor.value
  if (moment === null) return null
  return (
    <>
      {localTime(moment, 'day')} <span class="crosshair-utc">{utcTime(moment)}</span>
    </>
  )
}
