// How the fleet is looked at: as what, in which groups, by which value; and what of the search could not be read.
import { fleetAddress } from '../../address/fleet'
import { FEW_GPUS, LABEL_GROUP, MOST_CARDS, NO_GROUP, SHARES, STATE_COLOUR, type ViewName } from '../../model/choice'
import { plural } from '../../model/format'
import { metricTitle } from '../../model/value'
import { useAddress, usePage } from '../../view/context'
import { Segmented } from '../../view/parts/segmented'
import { Select } from '../../view/parts/select'

const VIEW_TITLES: readonly { readonly value: ViewName; readonly title: string }[] = [
  { value: 'cards', title: 'Cards' },
  { value: 'map', title: 'Map' },
  { value: 'table', title: 'Table' },
]
const SHARE_TITLES: Readonly<Record<keyof typeof SHARES, string>> = {
  memory_share: 'Memory used of total',
  power_share: 'Power of limit',
}
/** Named first: what is asked for most. */
const FIRST_COLOURS = ['gpu_utilization_percent', 'memory_share', 'temperature_celsius', 'power_share', 'sm_active_percent', 'tensor_active_percent', STATE_COLOUR]

export function FleetBar({ shown }: { readonly shown: ViewName }) {
  const { view, session } = usePage()
  const [choice, change] = useAddress(fleetAddress)
  const found = view.rows.value.length
  const choices = VIEW_TITLES.filter(({ value }) => value !== 'cards' || view.size.value <= MOST_CARDS)
  const usual = view.size.value <= FEW_GPUS ? 'cards' : 'map'
  const metrics = [...session.catalog.value.keys()]
  return (
    <div class="fleetbar">
      {shown !== 'cards' && (
        <p class="fleetbar-count" data-testid="found" role="status">
          {plural(found, 'GPU')}
          {choice.q !== '' && ` of ${plural(view.size.value, 'GPU')} match`}
        </p>
      )}
      {view.query.value.unread.map(({ piece, why }) => (
        <p class="fleetbar-unread" key={piece} data-testid="unread">
          <b>{piece}</b>: {why}
        </p>
      ))}
      <div class="fleetbar-choices">
        {shown === 'map' && (
          <Select label="Group by" testid="group" value={choice.group} onChoose={(group) => change({ group }, { isReplacing: true })}>
            {[
              { value: 'host', title: 'Host' },
              { value: 'model', title: 'Model' },
              ...view.labels().map((name) => ({ value: LABEL_GROUP + name, title: `Label ${name}` })),
              { value: NO_GROUP, title: 'Nothing' },
            ]}
          </Select>
        )}
        {shown !== 'cards' && (
          <Select label={shown === 'map' ? 'Colour by' : 'Column'} testid="colour" value={choice.colour} onChoose={(colour) => change({ colour }, { isReplacing: true })}>
            {[...new Set([...FIRST_COLOURS, ...metrics])].map((name) => ({ value: name, title: colourTitle(name) }))}
          </Select>
        )}
        <Segmented
          label="Show the fleet as"
          choices={choices}
          value={shown}
          onChoose={(value) => change({ view: value === usual ? null : value })}
        />
      </div>
    </div>
  )
}

export function colourTitle(colour: string): string {
  if (colour === STATE_COLOUR) return 'State'
  return colour in SHARE_TITLES ? SHARE_TITLES[colour as keyof typeof SHARES] : metricTitle(colour)
}
