// What the address says on the page of events.
import { KINDS, SEVERITIES, type Kind, type Severity } from '../model/happening'
import { listField, queryOf, someField } from './fields'
import { last, rangeField, type Range } from './range'

/** Empty lists do not restrict. */
export interface EventsAddress {
  readonly range: Range
  readonly host: readonly string[]
  readonly gpu: readonly string[]
  readonly kind: readonly Kind[]
  readonly severity: readonly Severity[]
}

export const eventsAddress = queryOf<EventsAddress>({
  range: rangeField(last('24h')),
  host: listField(),
  gpu: listField(),
  kind: someField(KINDS),
  severity: someField(SEVERITIES),
})
