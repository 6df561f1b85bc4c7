// What the address says on the page of a host.
import { queryOf } from './fields'
import { last, rangeField, type Range } from './range'

export interface HostAddress {
  /** The time of which events are listed. */
  readonly range: Range
}

export const hostAddress = queryOf<HostAddress>({ range: rangeField(last('24h')) })
