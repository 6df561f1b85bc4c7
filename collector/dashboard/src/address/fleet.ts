// What the address says on the page of the fleet.
import { STATE_COLOUR, VIEWS, type Choice, type ViewName } from '../model/choice'
import { choiceField, flagField, listField, patternField, queryOf, textField, type Field } from './fields'

export interface FleetAddress extends Choice {
  /** Hosts to which the page is confined; empty for the whole fleet. */
  readonly host: readonly string[]
}

/** Left out while the size of the fleet decides. */
const viewField: Field<ViewName | null> = {
  usual: null,
  read: (texts) => choiceField(VIEWS, VIEWS[0]).read(texts),
  write: (value) => (value === null ? [] : [value]),
}

export const fleetAddress = queryOf<FleetAddress>({
  host: listField(),
  q: textField(),
  view: viewField,
  group: patternField(/^(host|model|none|label:.{1,200})$/u, 'host'),
  colour: patternField(new RegExp(`^(${STATE_COLOUR}|[a-z][a-z0-9_]{0,99})$`), 'gpu_utilization_percent'),
  sort: patternField(/^[a-z][a-z0-9_]{0,99}$/, 'host'),
  down: flagField(),
})
