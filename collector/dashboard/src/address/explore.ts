// What the address says on the page that explores the past of the fleet.
import { AGGREGATES, COMPARISONS, COUNTS, type Question } from '../model/explore/question'
import { choiceField, listField, patternField, queryOf } from './fields'
import { last, rangeField, type Range } from './range'

export interface ExploreAddress extends Question {
  readonly range: Range
  /** Hosts and GPUs to which the question is confined; empty for all. */
  readonly host: readonly string[]
  readonly gpu: readonly string[]
}

export const exploreAddress = queryOf<ExploreAddress>({
  metric: patternField(/^[a-z][a-z0-9_]{0,99}$/, 'gpu_utilization_percent'),
  agg: choiceField(AGGREGATES, 'avg'),
  by: patternField(/^(fleet|host|model|gpu|label:.{1,200})$/u, 'fleet'),
  order: choiceField(['top', 'bottom'], 'top'),
  n: choiceField(COUNTS, '8'),
  compare: choiceField(COMPARISONS, 'none'),
  range: rangeField(last('24h')),
  host: listField(),
  gpu: listField(),
})
