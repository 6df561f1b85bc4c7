// Says above everything that readings are generated, so that nobody takes them for a machine's.
import { usePage } from '../../view/context'
import { FlaskIcon } from '../../view/parts/icons'

export function SimulatedBanner() {
  const { session } = usePage()
  const totals = session.state.totals.value
  if (totals === null || totals.simulatedHosts === 0) return null
  const { simulatedHosts, hostCount } = totals
  return (
    <div class="notice notice-simulated tone-simulated" data-testid="simulated">
      <FlaskIcon />
      <p>
        {simulatedHosts === hostCount ? (
          <>
            <strong>Simulated fleet.</strong> No GPU is behind these readings: they are generated to show the page at work.
          </>
        ) : (
          <>
            <strong>
              {simulatedHosts} of {hostCount} hosts {simulatedHosts === 1 ? 'is' : 'are'} simulated.
            </strong>{' '}
            Marked below; the totals count {simulatedHosts === 1 ? 'it' : 'them'} in.
          </>
        )}
      </p>
    </div>
  )
}
