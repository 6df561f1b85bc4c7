// What the address says on the page of the fleet.
import { listField, queryOf, textField } from './fields'

export interface FleetAddress {
  /** Hosts to which the page is confined; empty for the whole fleet. */
  readonly host: readonly string[]
  /** The filter. */
  readonly q: string
}

export const fleetAddress = queryOf<FleetAddress>({ host: listField(), q: textField() })
