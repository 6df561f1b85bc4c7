// The question, as a sentence of choices: the mean of utilization by host, the highest eight, against a week before.
import type { ExploreAddress } from '../../address/explore'
import { isQuantity } from '../../model/catalog'
import { AGGREGATES, AGGREGATE_TITLES, COMPARISON_TITLES, COMPARISONS, COUNTS, LABEL, type Aggregate, type Comparison, type Count } from '../../model/explore/question'
import { metricsByPanel } from '../../model/panels'
import { metricTitle } from '../../model/value'
import { usePage, type Move } from '../../view/context'
import { PlacePicker } from '../../view/parts/placepicker'
import { Segmented } from '../../view/parts/segmented'
import { Select } from '../../view/parts/select'

interface QuestionBarProps {
  readonly choice: ExploreAddress
  readonly onChange: (part: Partial<ExploreAddress>, move?: Move) => void
}

const ORDERS = [
  { value: 'top', title: 'Top' },
  { value: 'bottom', title: 'Bottom' },
] as const

export function QuestionBar({ choice, onChange }: QuestionBarProps) {
  const { session } = usePage()
  const catalog = session.catalog.value
  const quantities = new Map([...catalog].filter(([, metric]) => isQuantity(metric)))
  const listed = metricsByPanel(quantities).map(([panel, own]) => [panel, own.map(({ name }) => ({ value: name, title: metricTitle(name) }))] as const)
  // What the address names is shown, or the list would stand empty.
  const metrics = quantities.has(choice.metric) ? listed : [...listed, ['Not a quantity', [{ value: choice.metric, title: metricTitle(choice.metric) }]] as const]
  const aggregates = AGGREGATES.map((value) => ({ value, title: AGGREGATE_TITLES[value] }))
  return (
    <div class="question" role="group" aria-label="Question">
      <Select label="Show" testid="agg" value={choice.agg} onChoose={(agg) => onChange({ agg: agg as Aggregate })}>{aggregates}</Select>
      <Select label="of" testid="metric" value={choice.metric} onChoose={(metric) => onChange({ metric })}>{metrics}</Select>
      <Select label="by" testid="by" value={choice.by} onChoose={(by) => onChange({ by })}>{useGroupings(choice.by)}</Select>
      {choice.by !== 'fleet' && (
        <>
          <Segmented label="Order" choices={ORDERS} value={choice.order} onChoose={(order) => onChange({ order })} />
          <Select label="" name="How many" testid="n" value={choice.n} onChoose={(n) => onChange({ n: n as Count })}>
            {COUNTS.map((value) => ({ value, title: value }))}
          </Select>
        </>
      )}
      <Select label="against" testid="compare" value={choice.compare} onChoose={(compare) => onChange({ compare: compare as Comparison })}>
        {COMPARISONS.map((value) => ({ value, title: COMPARISON_TITLES[value] }))}
      </Select>
      <PlacePicker hosts={choice.host} gpus={choice.gpu} onChange={(host, gpu) => onChange({ host, gpu })} />
    </div>
  )
}

function useGroupings(chosen: string) {
  const { view } = usePage()
  void view.version.value
  const labels = new Set([...view.labels(), ...(chosen.startsWith(LABEL) ? [chosen.slice(LABEL.length)] : [])])
  return [
    { value: 'fleet', title: 'whole fleet' },
    { value: 'host', title: 'host' },
    { value: 'gpu', title: 'GPU' },
    { value: 'model', title: 'model' },
    ...[...labels].map((name) => ({ value: LABEL + name, title: `label ${name}` })),
  ]
}
