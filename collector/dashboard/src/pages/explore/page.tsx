// Any metric over any part of the fleet and any time: who has most of it, who least, and how it was before.
import { useMemo } from 'preact/hooks'
import { exploreAddress, type ExploreAddress } from '../../address/explore'
import { spanOf, writeRange } from '../../address/range'
import { explore, type Exploration } from '../../feed/explore'
import { isQuantity, type Metric } from '../../model/catalog'
import { metricTitle } from '../../model/value'
import { ChartContext } from '../../view/chart/group'
import { useChartGroup } from '../../view/chart/usechartgroup'
import { useAddress, usePage } from '../../view/context'
import { useLoaded, type Loaded } from '../../view/parts/loaded'
import { PageHead } from '../../view/parts/pagehead'
import { RangePicker } from '../../view/parts/rangepicker'
import { Empty, Failed } from '../../view/parts/states'
import { useFleetNames } from '../../view/parts/usefleetnames'
import { Lines } from './lines'
import './explore.css'
import { QuestionBar } from './questionbar'
import { Ranking } from './ranking'

const AGAIN_MS = 60_000

/** With what it answers: while another question is on its way, its numbers are not shown in the units of that. */
interface Answer {
  readonly question: ExploreAddress
  readonly metric: Metric
  readonly exploration: Exploration
}

export default function ExplorePage() {
  const { session } = usePage()
  const [choice, change] = useAddress(exploreAddress)
  useFleetNames()
  const metric = session.catalog.value.get(choice.metric)
  const group = useChartGroup(choice.range, (range, move) => change({ range }, move))
  const loaded = useExploration(choice)
  const known = loaded.data
  const isCatalogKnown = session.catalog.value.size > 0
  return (
    <ChartContext.Provider value={group}>
      <PageHead title="Explore">
        <div class="explore-range">
          <RangePicker range={choice.range} onChange={(range) => change({ range })} />
        </div>
      </PageHead>
      <QuestionBar choice={choice} onChange={change} />
      {isCatalogKnown && <Unanswerable name={choice.metric} metric={metric} />}
      {loaded.failure !== null && <Failed what="The answer" failure={loaded.failure} again={loaded.again} isOld={known !== null} />}
      {known === null && loaded.failure === null && (!isCatalogKnown || isAnswerable(metric)) && <Waiting />}
      {known !== null && isAnswerable(metric) && known.exploration.groups.length === 0 && (
        <Empty title="Nothing was read of this in this time" testid="explore-empty">
          <p>Another metric, another time, or more of the fleet may have values.</p>
        </Empty>
      )}
      {known !== null && isAnswerable(metric) && known.exploration.groups.length > 0 && (
        <div class={loaded.isLoading ? 'explore-answer is-loading' : 'explore-answer'} data-testid="answer">
          <Lines {...known} />
          <Ranking {...known} />
        </div>
      )}
      <p class="hidden" aria-live="polite">{group.spoken.value}</p>
    </ChartContext.Provider>
  )
}

function isAnswerable(metric: Metric | undefined): metric is Metric {
  return metric !== undefined && isQuantity(metric)
}

interface UnanswerableProps {
  readonly name: string
  readonly metric: Metric | undefined
}

/** An address may name what the list of metrics does not offer. */
function Unanswerable({ name, metric }: UnanswerableProps) {
  if (isAnswerable(metric)) return null
  if (metric === undefined) {
    return (
      <Empty title="There is no such metric" testid="explore-unknown">
        <p>None is called <code>{name}</code>. The list above has all that can be asked about.</p>
      </Empty>
    )
  }
  return (
    <Empty title={`“${metricTitle(name)}” is not a quantity`} testid="explore-no-quantity">
      <p>It tells which of several states hold, so that it has no mean, no sum and no line. The page of each GPU shows it.</p>
    </Empty>
  )
}

function useExploration(question: ExploreAddress): Loaded<Answer> {
  const { session } = usePage()
  const metric = session.catalog.value.get(question.metric)
  const { metric: name, agg, by, order, n, compare, host, gpu, range } = question
  const key = !isAnswerable(metric) ? null : JSON.stringify([name, agg, by, order, n, compare, host, gpu, writeRange(range)])
  const ask = useMemo(
    () => async (abort: AbortSignal) => {
      if (metric === undefined) throw new Error('nothing is asked without a metric')
      const now = session.collectorNow()
      return { question, metric, exploration: await explore(session.api, question, { host, gpu }, metric, spanOf(range, now), now, abort) }
    },
    [key],
  )
  return useLoaded(key, ask, range.kind === 'last' ? AGAIN_MS : null)
}

function Waiting() {
  return (
    <>
      <span class="hidden" role="status">Loading the answer</span>
      <div class="panel ghost explore-ghost" aria-hidden="true" />
    </>
  )
}
