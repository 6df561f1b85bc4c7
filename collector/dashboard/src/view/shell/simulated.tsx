// Says on every page that readings are generated, so that nobody takes them for a machine's. In the bar, where it moves
// nothing: hosts may be listed after their values are drawn.
import type { FleetTotals } from '../../state/fleetstate'
import { usePage } from '../context'
import { FlaskIcon } from '../parts/icons'

export function Simulated() {
  const { session } = usePage()
  const totals = session.state.totals.value
  if (totals === null || totals.simulatedHosts === 0) return null
  const tip = tipOf(totals)
  return (
    <span class="simulated tone-simulated" role="note" aria-label={tip} data-tip={tip} tabIndex={0} data-testid="simulated">
      <FlaskIcon />
      <span class="simulated-word">{wordOf(totals)}</span>
    </span>
  )
}

function wordOf({ simulatedHosts, hostCount }: FleetTotals): string {
  return simulatedHosts === hostCount ? 'Simulated fleet' : `${simulatedHosts} simulated`
}

function tipOf({ simulatedHosts, hostCount }: FleetTotals): string {
  if (simulatedHosts === hostCount) return 'Simulated fleet: no GPU is behind these readings'
  const [are, them] = simulatedHosts === 1 ? ['is', 'it'] : ['are', 'them']
  return `${simulatedHosts} of ${hostCount} hosts ${are} simulated: no GPU is behind their readings. The totals count ${them} in.`
}
